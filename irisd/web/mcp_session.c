/* SPDX-License-Identifier: MIT
 *
 * Mcp-Session-Id: what a client of the handshake era has said of itself in initialize, for its
 * later requests, each of which comes on a connection of its own. Such a client may only be asked
 * what it has declared to answer, and nothing else of a later request tells. There is no session
 * behind the id: it says all that there is to know, and a client may say of itself what it likes.
 *
 *	018f2b1e-....-............-es	declares elicitation and sampling
 *
 * Who declares nothing of the kind gets none, and an id of another form is passed over.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/uuid.h"
#include "irisd/mcp/elicit_private.h"
#include "irisd/web/mcp_private.h"

/* The first with elicitation; older ones may send lists, whose answers can not be streams. */
#define FIRST_ERA "2025-06-18"

static const struct {
	char letter;
	unsigned can;
} letters[] = {{'e', MCP_CAN_ELICIT}, {'s', MCP_CAN_SAMPLE}, {'r', MCP_CAN_ROOTS}};
#define NLETTERS (sizeof letters / sizeof letters[0])

void
mcp_session_make(const struct rpc_msg *msg, char *header, size_t size)
{
	const char *version = json_str(msg->params, "protocolVersion");
	char id[UUID_LEN + 1], declared[NLETTERS + 1];
	unsigned can = elicit_capabilities(json_obj(msg->params, "capabilities"));
	size_t i, n = 0;

	header[0] = '\0';
	if (can == 0 || version == NULL || strcmp(version, FIRST_ERA) < 0)
		return;
	for (i = 0; i < NLETTERS; i++)
		if ((can & letters[i].can) != 0)
			declared[n++] = letters[i].letter;
	declared[n] = '\0';
	uuid_v4(id);
	snprintf(header, size, "Mcp-Session-Id: %s-%s\r\n", id, declared);
}

unsigned
mcp_session_can(const char *id)
{
	char uuid[UUID_LEN + 1];
	unsigned can = 0;
	size_t i;

	if (id == NULL || strlen(id) > UUID_LEN + 1 + NLETTERS || strlen(id) < UUID_LEN + 2 ||
	    id[UUID_LEN] != '-')
		return 0;
	memcpy(uuid, id, UUID_LEN);
	uuid[UUID_LEN] = '\0';
	if (!uuid_valid(uuid))
		return 0;
	for (i = 0; i < NLETTERS; i++)
		if (strchr(id + UUID_LEN + 1, letters[i].letter) != NULL)
			can |= letters[i].can;
	return can;
}
