// Orders over HTTP. See API.md for what clients may rely on.
import { createServer } from "node:http";

const orders = new Map([["1001", { id: "1001", total: 4200, currency: "EUR" }]]);

createServer((request, response) => {
	const [, id] = request.url.match(/^\/api\/v2\/orders\/(\w+)$/) ?? [];
	const order = orders.get(id);
	response.writeHead(order ? 200 : 404, {
		"content-type": order ? "application/json" : "application/problem+json",
	});
	response.end(JSON.stringify(order ?? { title: "no such order", status: 404 }));
}).listen(process.env.PORT ?? 8080, "127.0.0.1");
