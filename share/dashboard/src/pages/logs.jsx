/* SPDX-License-Identifier: MIT
 *
 * The page Logs.
 */
import { Empty } from "../ui/index.js";

export default function Logs() {
	return <Empty title="Logs" />;
}
