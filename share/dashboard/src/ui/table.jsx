/* SPDX-License-Identifier: MIT
 *
 * Tables of moderate length; on a phone each row becomes a block with the names of its columns.
 */

/**
 * @param {{caption: string, columns: {key: string, title: string, num?: boolean, cell: (row) => any}[],
 *	rows: object[], rowKey: (row) => string, empty?: any}} props
 */
export function Table({ caption, columns, rows, rowKey, empty }) {
	if (rows.length === 0 && empty)
		return empty;
	return (
		<div class="table-wrap">
			<table class="table">
				<caption class="sr-only">{caption}</caption>
				<thead>
					<tr>
						{columns.map((c) => (
							<th key={c.key} scope="col" class={c.num ? "num" : ""}>
								{c.title}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{rows.map((row) => (
						<tr key={rowKey(row)}>
							{columns.map((c) => (
								<td key={c.key} data-title={c.title} class={c.num ? "num" : ""}>
									{c.cell(row)}
								</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
