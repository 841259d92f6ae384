/* SPDX-License-Identifier: MIT
 *
 * The page Approvals.
 */
import { Empty } from "../ui/index.js";

export default function Approvals() {
	return <Empty title="Approvals" />;
}
