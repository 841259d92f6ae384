/* SPDX-License-Identifier: MIT
 *
 * What App draws above every page: the request that waits for a person, if there is one.
 */
export default function ApprovalModal() {
	return null;
}
