/* SPDX-License-Identifier: MIT
 *
 * The table of prompts that are made from templates (share/agents): each includer says what it
 * wants of a row. Included by agent.c, which makes their texts, and by prompts_agent.c, which lists
 * them.
 *
 *	AGENT(name, title, description)
 *	ABOUT_TEAM(name, title, description, team, what, about)	with the arguments team and what
 */
AGENT("tech-writer", "Technical writer",
    "Write or mend documentation: README, guides, API reference, comments. Follows the project's "
    "own style.")
AGENT("unit-tester", "Unit tester",
    "Write unit tests with the project's own test framework: edge cases, errors, no network.")
AGENT("integration-tester", "Integration tester",
    "Write integration tests: real parts together, databases, HTTP, processes, set-up and "
    "clean-up.")
AGENT("code-reviewer", "Code reviewer",
    "Review code or the present changes: bugs, security, tests, readability, by severity.")
AGENT("debugger", "Debugger",
    "Find the cause of a bug: reproduce, narrow down, prove, fix at the root, guard with a test.")
AGENT("refactorer", "Refactorer",
    "Improve structure without changing behaviour: small safe steps, tests after each one.")
AGENT("changeloger", "Changelog writer",
    "Write changelog and release notes from the history and the present changes, for users.")
AGENT("error-handler", "Error handling expert",
    "Find where errors are lost or badly told, and handle them: types, messages, clean-up, "
    "retries.")
AGENT("example-writer", "Example writer",
    "Write examples that run: from the smallest use to the real one, each of them tried.")
AGENT("logger", "Logging expert",
    "Add or mend logging: right level, structured, no secrets, useful when something breaks.")
ABOUT_TEAM("ask", "Ask another team",
    "Ask another project's Claude and bring back its answer: /ask <team> <question>. Without a "
    "question: what we were just talking about.",
    "the team to ask", "question",
    "what you want to know; without it, what you were just talking about")
ABOUT_TEAM("handoff", "Hand work over to another team",
    "Sum up what is going on here and hand it over to another project's Claude: /handoff <team> "
    "<task>. Without a task: what was last under way.",
    "the team that is to go on with it", "task",
    "what it is to do; without it, what was last under way")
