// The one place that talks to the backend.
const BASE = "/api";

export async function getOrder(id, version = "v2") {
	const response = await fetch(`${BASE}/${version}/orders/${encodeURIComponent(id)}`);
	if (!response.ok)
		throw new Error(`order ${id}: ${response.status}`);
	return response.json();
}
