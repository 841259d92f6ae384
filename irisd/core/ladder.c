/* SPDX-License-Identifier: MIT
 *
 * The ladder's table, see ladder.h.
 */
#include <string.h>

#include "irisd/core/ladder.h"

static const char *const names[LADDER_COUNT] = {
    [LADDER_QUEUED] = "queued",
    [LADDER_SENT] = "sent",
    [LADDER_SEEN] = "seen",
    [LADDER_ANSWERED] = "answered",
    [LADDER_FAILED] = "failed",
    [LADDER_EXPIRED] = "expired",
    [LADDER_CANCELLED] = "cancelled",
};

/* clang-format off */
static const bool allowed[LADDER_COUNT][LADDER_COUNT] = {
	/*                    queued sent   seen   answrd failed expird cancel */
	[LADDER_QUEUED]   = { false, true,  false, false, true,  true,  true  },
	[LADDER_SENT]     = { false, true,  true,  false, true,  false, true  },
	[LADDER_SEEN]     = { false, false, false, true,  true,  false, true  },
};
/* clang-format on */

const char *
ladder_name(enum ladder state)
{
	return names[state];
}

int
ladder_from_name(const char *name, enum ladder *state)
{
	int i;

	for (i = 0; i < LADDER_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*state = (enum ladder)i;
			return 0;
		}
	}
	return -1;
}

bool
ladder_final(enum ladder state)
{
	return state >= LADDER_ANSWERED;
}

bool
ladder_allows(enum ladder from, enum ladder to)
{
	return allowed[from][to];
}
