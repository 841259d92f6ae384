/* SPDX-License-Identifier: MIT
 *
 * Arguments that many tools have, for their tables, and what their results have in common.
 */
#ifndef IRIS_MCP_PARAMS_H
#define IRIS_MCP_PARAMS_H

#include "irisd/core/team.h"

#define MCP_FROM_TEAM                                                                              \
	{                                                                                          \
		"fromTeam", MCP_STRING, false, 1, TEAM_NAME_MAX,                                   \
		    "who asks; best left out, Iris knows it", NULL                                 \
	}
#define MCP_TEAM                                                                                   \
	{                                                                                          \
		"team", MCP_STRING, true, 1, 100, "the team, by its name in list_teams", NULL      \
	}
#define MCP_TO_TEAM                                                                                \
	{                                                                                          \
		"toTeam", MCP_STRING, true, 1, 100, "the team, by its name in list_teams", NULL    \
	}
#define MCP_MESSAGE_ID                                                                             \
	{                                                                                          \
		"messageId", MCP_STRING, true, 1, 64, "the id that the sending tool returned",     \
		    NULL                                                                           \
	}

#define MCP_STATES "queued sent seen answered failed expired cancelled"

#endif
