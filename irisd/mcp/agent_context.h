/* SPDX-License-Identifier: MIT
 *
 * What there is to know about a project without running anything: from its build files, CLAUDE.md
 * and .iris/context.yaml. Read anew for each prompt.
 */
#ifndef IRIS_MCP_AGENT_CONTEXT_H
#define IRIS_MCP_AGENT_CONTEXT_H

#include <cjson/cJSON.h>

/*
 * Put what is found in dir, a realpath, into vars: projectName, projectPath, version, language,
 * hasTypeScript, framework, testingFramework, testCommand, dependencies, devDependencies,
 * manifests, claudeMd, claudeMdCut, and from .iris/context.yaml writePatterns, readOnlyPatterns,
 * customVars. What is there but can not be used is a sentence in problems, a list.
 */
void agent_context(const char *dir, cJSON *vars, cJSON *problems);

/* Put in vars what the caller knows better. */
void agent_context_merge(cJSON *vars, const cJSON *own);

#endif
