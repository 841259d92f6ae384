/* SPDX-License-Identifier: MIT
 *
 * What the shim says of itself to irisd: the params of iris/hello.
 */
#ifndef IRIS_SHIM_HELLO_H
#define IRIS_SHIM_HELLO_H

#include <cjson/cJSON.h>

/* handshakes: how many initialize requests of the client's there were. */
cJSON *hello_params(const char *cwd, const char *instance, unsigned handshakes);

#endif
