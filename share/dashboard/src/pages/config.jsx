/* SPDX-License-Identifier: MIT
 *
 * The page Config.
 */
import { Empty } from "../ui/index.js";

export default function Config() {
	return <Empty title="Config" />;
}
