/* SPDX-License-Identifier: MIT
 *
 * The page Costs.
 */
import { Empty } from "../ui/index.js";

export default function Costs() {
	return <Empty title="Costs" />;
}
