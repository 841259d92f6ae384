/* SPDX-License-Identifier: MIT
 *
 * The page Overview.
 */
import { Empty } from "../ui/index.js";

export default function Overview() {
	return <Empty title="Overview" />;
}
