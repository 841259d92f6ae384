/* SPDX-License-Identifier: MIT
 *
 * The demo agent: answers a question with the lines of the project's own documents that share most
 * words with it. No intelligence, but true to the files of the directory it runs in.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/xmalloc.h"
#include "fake.h"

#define WORDS_MAX  64
#define BEST_MAX   4
#define STEM       6 /* words count as the same when so many first letters are */
#define FILE_BYTES 262144

struct words {
	size_t n;
	char word[WORDS_MAX][STEM + 1];
};

struct best {
	size_t n;
	int score[BEST_MAX];
	char *line[BEST_MAX];
	const char *file[BEST_MAX];
};

static const char *const documents[] = {"API.md", "README.md", "CLAUDE.md"};

static bool
is_common(const char *word)
{
	static const char *const common[] = {"the", "and", "for", "you", "your", "how", "what",
	    "with", "does", "which", "please", "that", "this", "are", "can", "who", "why", "when",
	    "where", "from", "have", "has", "our", "their", "they", "them", "its", "was", "will",
	    "use", "not", "ask", "team"};

	for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
		if (strcmp(common[i], word) == 0)
			return true;
	}
	return false;
}

/* The words of a text that say something, each once, lower case, cut to the stem. */
static void
words_of(const char *text, struct words *w)
{
	char word[32];
	size_t n;

	w->n = 0;
	while (*text != '\0' && w->n < WORDS_MAX) {
		for (n = 0; isalnum((unsigned char)*text); text++) {
			if (n < sizeof word - 1)
				word[n++] = (char)tolower((unsigned char)*text);
		}
		word[n] = '\0';
		if (n == 0)
			text++;
		if (n < 3 || is_common(word))
			continue;
		word[n < STEM ? n : STEM] = '\0';
		for (n = 0; n < w->n && strcmp(w->word[n], word) != 0; n++)
			;
		if (n == w->n)
			memcpy(w->word[w->n++], word, strlen(word) + 1);
	}
}

static int
score(const struct words *question, const char *line)
{
	struct words w;
	int hits = 0;

	words_of(line, &w);
	for (size_t i = 0; i < question->n; i++) {
		for (size_t j = 0; j < w.n; j++)
			hits += strcmp(question->word[i], w.word[j]) == 0;
	}
	return hits;
}

/* Keep the line when it is among the best; ties go to the earlier one. */
static void
best_offer(struct best *b, int points, const char *line, const char *file)
{
	size_t i, worst = 0;

	for (i = 1; i < b->n; i++) {
		if (b->score[i] <= b->score[worst])
			worst = i;
	}
	if (b->n == BEST_MAX) {
		if (points <= b->score[worst])
			return;
		free(b->line[worst]);
		for (i = worst; i + 1 < b->n; i++) {
			b->score[i] = b->score[i + 1];
			b->line[i] = b->line[i + 1];
			b->file[i] = b->file[i + 1];
		}
		b->n--;
	}
	b->score[b->n] = points;
	b->line[b->n] = xstrdup(line);
	b->file[b->n++] = file;
}

static void
search_file(const char *file, const struct words *question, struct best *b)
{
	char *line = NULL, *text;
	size_t cap = 0, total = 0;
	ssize_t n;
	FILE *f;
	int points;

	if ((f = fopen(file, "re")) == NULL)
		return;
	while ((n = getline(&line, &cap, f)) > 0 && (total += (size_t)n) < FILE_BYTES) {
		text = line + strspn(line, " \t-*>");
		text[strcspn(text, "\r\n")] = '\0';
		if (*text == '#' || *text == '\0' || *text == '|')
			continue;
		if ((points = score(question, text)) > 0)
			best_offer(b, points, text, file);
	}
	free(line);
	fclose(f);
}

/* The text without the lines of the envelope: those that begin with a tag. */
static char *
question_of(const char *text)
{
	char *out = xcalloc(1, strlen(text) + 1);
	size_t len = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		if (*text != '<' && n > 0) {
			if (len > 0)
				out[len++] = ' ';
			memcpy(out + len, text, n);
			len += n;
		}
		text += n + (text[n] == '\n');
	}
	if (len > 200)
		memcpy(out + 197, "...", 4);
	return out;
}

/*
 * Weak matches only blur a good answer: keep lines that share at least half of what the best one
 * shares.
 */
static char *
best_text(const struct best *b)
{
	char *text = xstrdup(""), *joined;
	const char *file = NULL;
	int top = 0;

	for (size_t i = 0; i < b->n; i++)
		top = b->score[i] > top ? b->score[i] : top;
	for (size_t i = 0; i < b->n; i++) {
		if (b->score[i] * 2 < top)
			continue;
		if (file != b->file[i])
			joined = xasprintf("%s%s%s says:\n- %s", text, file == NULL ? "" : "\n",
			    b->file[i], b->line[i]);
		else
			joined = xasprintf("%s\n- %s", text, b->line[i]);
		file = b->file[i];
		free(text);
		text = joined;
	}
	return text;
}

char *
answer_make(const char *text)
{
	const char *slash = strrchr(fake.cwd, '/');
	const char *dir = slash == NULL || slash[1] == '\0' ? fake.cwd : slash + 1;
	char *question = question_of(text), *quote, *out;
	struct best b = {0};
	struct words w;

	words_of(question, &w);
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
		search_file(documents[i], &w, &b);
	quote = best_text(&b);
	if (b.n > 0)
		out = xasprintf("Here in %s, %s", dir, quote);
	else
		out = xasprintf("Hello from %s. I am the demo agent, not a real Claude, and found "
				"nothing in this project's documents about: %s",
		    dir, question);
	for (size_t i = 0; i < b.n; i++)
		free(b.line[i]);
	free(quote);
	free(question);
	return out;
}
