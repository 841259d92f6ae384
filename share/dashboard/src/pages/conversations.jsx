/* SPDX-License-Identifier: MIT
 *
 * The page Conversations.
 */
import { Empty } from "../ui/index.js";

export default function Conversations() {
	return <Empty title="Conversations" />;
}
