/* SPDX-License-Identifier: MIT
 *
 * What the files of fixtures share.
 */
#ifndef TESTS_CONFORMANCE_FIXTURES_H
#define TESTS_CONFORMANCE_FIXTURES_H

/* One red pixel, a PNG in base64. */
extern const char fixture_png[];

#endif
