/* SPDX-License-Identifier: MIT
 *
 * Control calls about config.yaml: what it says, what a change would do, and changing it. The file
 * is read anew for each call: a person with an editor is as good an author as any.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_check.h"
#include "common/config_merge.h"
#include "common/diff.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/digest.h"
#include "irisd/net/control_config.h"
#include "irisd/net/origin.h"

int
control_config_may(struct control *c, struct err *err)
{
	return origin_person(c->client, "the configuration", err);
}

static void
put_etag(cJSON *o, const char *text)
{
	char etag[DIGEST_LEN + 1];

	digest_text(text, etag);
	json_put_str(o, "etag", etag);
}

/* A file that is no text at all can not be shown as one. */
int
control_config_read(struct control *c, struct config_file *f, struct err *err)
{
	if (config_file_read(f, c->client->d->paths.config, err) == -1)
		return -1;
	if (json_utf8_valid(f->text.s, f->text.len))
		return 0;
	return err_set(err, ERR_CONFIG, "%s: is not a text file", f->path);
}

static cJSON *
describe(const struct config_file *f, const char *text, struct config_report *report)
{
	cJSON *o = json_new();

	json_put_str(o, "path", f->path);
	json_put_bool(o, "exists", f->exists);
	json_put_bool(o, "writable", config_file_writable(f));
	json_put_str(o, "yaml", text);
	put_etag(o, text);
	json_put(o, "config", report->config != NULL ? report->config : cJSON_CreateNull());
	report->config = NULL;
	return o;
}

void
control_config_get(struct control *c, const cJSON *params)
{
	struct config_report report = {0};
	struct config_file f = {0};
	struct err err;
	cJSON *o;

	(void)params;
	if (control_config_may(c, &err) == -1 || control_config_read(c, &f, &err) == -1) {
		control_failed(c, &err);
		goto out;
	}
	config_check(f.path, f.text.s, f.text.len, &report);
	o = describe(&f, f.text.s, &report);
	json_put(o, "errors", report.errors);
	json_put(o, "warnings", report.warnings);
	report.errors = report.warnings = NULL;
	control_done(c, o);
out:
	config_report_release(&report);
	config_file_release(&f);
}

void
control_config_schema(struct control *c, const cJSON *params)
{
	(void)params;
	control_done(c, config_schema());
}

/* --- changes ---------------------------------------------------------------------------------- */

/* What the call would have in the file: yaml as it is, or config merged in. To be freed; NULL. */
static char *
new_text(struct control *c, const struct config_file *f, const char *yaml, const cJSON *config,
    struct err *err)
{
	if ((yaml == NULL) == (config == NULL))
		err_set(err, ERR_INVALID,
		    "%s wants yaml, the whole text, or config, what is to change", c->method);
	else if (config != NULL)
		return config_merge(f->path, f->text.s, f->text.len, config, err);
	else if (strlen(yaml) > CONFIG_TEXT_MAX)
		err_set(err, ERR_INVALID, "%s: larger than 1 MiB, the limit", f->path);
	else
		return xstrdup(yaml);
	return NULL;
}

/* With the etag of what is there now, so that the caller can look at that. */
static int
check_etag(struct control *c, const struct config_file *f, const char *etag, struct err *err)
{
	char now[DIGEST_LEN + 1];

	digest_text(f->text.s, now);
	if (etag == NULL || strcmp(etag, now) == 0)
		return 0;
	c->data = json_new();
	json_put_str(c->data, "etag", now);
	return err_set(err, ERR_REFUSED,
	    "%s: was changed by somebody else since it was read; nothing is written: read it anew, "
	    "and change that",
	    f->path);
}

/* The sentence of a merge that can not be made, as the loader's are shown. */
static cJSON *
only_error(const struct config_file *f, const struct err *err)
{
	cJSON *list = cJSON_CreateArray();

	cJSON_AddItemToArray(list, config_problem(f->path, err->msg, NULL));
	return list;
}

void
control_config_check(struct control *c, const cJSON *params)
{
	const char *yaml = json_str(params, "yaml"), *etag = json_str(params, "etag");
	const cJSON *config = json_obj(params, "config");
	struct config_report report = {0};
	struct config_file f = {0};
	char *text = NULL, *diff;
	struct err err;
	cJSON *o;

	if (control_config_may(c, &err) == -1 || control_config_read(c, &f, &err) == -1 ||
	    check_etag(c, &f, etag, &err) == -1 ||
	    ((text = new_text(c, &f, yaml, config, &err)) == NULL && err.code != ERR_CONFIG)) {
		control_failed(c, &err);
		goto out;
	}
	if (text == NULL) {
		text = xstrdup(f.text.s);
		report.errors = only_error(&f, &err);
		report.warnings = cJSON_CreateArray();
	} else
		config_check(f.path, text, strlen(text), &report);
	diff = diff_text("config.yaml", f.text.s, f.text.len, text, strlen(text));
	o = json_new();
	json_put_bool(o, "valid", report.valid);
	json_put(o, "errors", report.errors);
	json_put(o, "warnings", report.warnings);
	report.errors = report.warnings = NULL;
	json_put_str(o, "yaml", text);
	json_put_str(o, "diff", diff);
	put_etag(o, f.text.s);
	free(diff);
	control_done(c, o);
out:
	config_report_release(&report);
	config_file_release(&f);
	free(text);
}

int
control_config_use(
    struct irisd *d, const struct config_file *f, const char *text, cJSON *diff, struct err *err)
{
	bool same = f->exists && strcmp(text, f->text.s) == 0;
	struct err why;

	if (!same && config_file_write(f, text, strlen(text), err) == -1)
		return -1;
	if (irisd_reload(d, diff, err) == 0)
		return 0;
	if (same)
		return -1;
	err_prefix(err, "irisd did not take the new configuration, and the old file is back: ");
	if (config_file_restore(f, text, strlen(text), &why) == -1) {
		log_error("configuration not put back: %s", why.msg);
		*err = why;
		return err_prefix(err,
		    "irisd did not take the new configuration, and the old file could not be put "
		    "back, it is in %s.bak: ",
		    f->path);
	}
	/* Nothing is wrong with what is there now. */
	if (!d->stopping)
		irisd_reload(d, NULL, &why);
	return -1;
}

/* What is to be written, checked; NULL with err, and what is wrong in c->data. */
static char *
checked_text(struct control *c, const struct config_file *f, const char *yaml, const cJSON *config,
    struct config_report *report, struct err *err)
{
	char *text = new_text(c, f, yaml, config, err);
	const char *first;

	if (text == NULL && err->code == ERR_CONFIG)
		report->errors = only_error(f, err);
	else if (text != NULL) {
		config_check(f->path, text, strlen(text), report);
		if (report->valid)
			return text;
		first = json_str(cJSON_GetArrayItem(report->errors, 0), "message");
		err_set(err, ERR_CONFIG, "the configuration would not load, nothing is written: %s",
		    first);
	}
	if (report->errors != NULL) {
		c->data = json_new();
		json_put(c->data, "errors", report->errors);
		report->errors = NULL;
	}
	free(text);
	return NULL;
}

void
control_config_put(struct control *c, const cJSON *params)
{
	const char *yaml = json_str(params, "yaml"), *etag = json_str(params, "etag");
	const cJSON *config = json_obj(params, "config");
	struct config_report report = {0};
	struct config_file f = {0}, now = {0};
	cJSON *o = NULL, *diff = json_new(), *item;
	char *text = NULL;
	struct err err;

	if (yaml != NULL && etag == NULL)
		err_set(&err, ERR_INVALID,
		    "%s: a whole text wants etag, that of the text in whose place it comes",
		    c->method);
	else if (control_config_may(c, &err) == 0 && control_config_read(c, &f, &err) == 0 &&
	    check_etag(c, &f, etag, &err) == 0 &&
	    (text = checked_text(c, &f, yaml, config, &report, &err)) != NULL &&
	    control_config_use(c->client->d, &f, text, diff, &err) == 0 &&
	    control_config_read(c, &now, &err) == 0) {
		o = describe(&now, text, &report);
		json_put(o, "warnings", report.warnings);
		report.warnings = NULL;
		while ((item = cJSON_DetachItemFromArray(diff, 0)) != NULL)
			cJSON_AddItemToObject(o, item->string, item);
		control_done(c, o);
	}
	if (o == NULL)
		control_failed(c, &err);
	cJSON_Delete(diff);
	config_report_release(&report);
	config_file_release(&now);
	config_file_release(&f);
	free(text);
}
