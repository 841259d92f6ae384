/* SPDX-License-Identifier: MIT
 *
 * The page Processes.
 */
import { Empty } from "../ui/index.js";

export default function Processes() {
	return <Empty title="Processes" />;
}
