/* SPDX-License-Identifier: MIT
 *
 * Bytes between a channel and descriptors, see line.h. Neither direction waits for the other, and
 * each holds a bounded amount: what nobody takes on this side is not taken from the channel, whose
 * window then closes; while the channel's window is closed, or the connection does not take what is
 * written already, nothing is read on this side.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/line.h"
#include "iris-worker/ssh/say.h"

#define RING_BYTES 65536
#define TURNS      16 /* reads of a channel before it is another flow's turn */

static void
eof_cb(ssh_session session, ssh_channel channel, void *arg)
{
	(void)session;
	(void)channel;
	((struct flow *)arg)->eof = true;
}

static void
close_cb(ssh_session session, ssh_channel channel, void *arg)
{
	(void)session;
	(void)channel;
	((struct flow *)arg)->closed = true;
}

static void
status_cb(ssh_session session, ssh_channel channel, int status, void *arg)
{
	(void)session;
	(void)channel;
	((struct flow *)arg)->status = status & 0xff;
}

/* A new flow: its own descriptors are not for what is started, and do not block. */
static void
prepare(int fd)
{
	if (fd == -1 || isatty(fd))
		return;
	compat_set_nonblock(fd);
}

struct flow *
flow_new(struct line *l, struct hop *h, ssh_channel channel, int rfd, int wfd, int efd)
{
	struct flow *f = xcalloc(1, sizeof *f);
	struct ring *rings[] = {&f->up, &f->down, &f->errs};
	size_t i;

	f->hop = h;
	f->channel = channel;
	f->rfd = rfd;
	f->wfd = wfd;
	f->efd = efd;
	f->status = -1;
	f->fresh = true;
	for (i = 0; i < sizeof rings / sizeof rings[0]; i++) {
		rings[i]->size = RING_BYTES;
		rings[i]->buf = xmalloc(RING_BYTES);
		f->polled[i] = -1;
	}
	prepare(rfd);
	prepare(wfd);
	prepare(efd);
	ssh_callbacks_init(&f->cb);
	f->cb.userdata = f;
	f->cb.channel_eof_function = eof_cb;
	f->cb.channel_close_function = close_cb;
	f->cb.channel_exit_status_function = status_cb;
	ssh_set_channel_callbacks(channel, &f->cb);
	TAILQ_INSERT_TAIL(&l->flows, f, link);
	l->nflows++;
	return f;
}

static void
close_fd(int *fd)
{
	if (*fd > STDERR_FILENO)
		close(*fd);
	*fd = -1;
}

void
flow_free(struct line *l, struct flow *f)
{
	if (f->rfd == f->wfd)
		f->rfd = -1;
	close_fd(&f->rfd);
	close_fd(&f->wfd);
	close_fd(&f->efd);
	ssh_remove_channel_callbacks(f->channel, &f->cb);
	ssh_channel_free(f->channel);
	free(f->up.buf);
	free(f->down.buf);
	free(f->errs.buf);
	TAILQ_REMOVE(&l->flows, f, link);
	l->nflows--;
	free(f);
}

bool
flow_wants_input(const struct flow *f)
{
	return f->rfd != -1 && !f->held && !f->closed && f->up.len == 0 &&
	    ssh_channel_window_size(f->channel) > 0 &&
	    (ssh_get_poll_flags(f->hop->session) & SSH_WRITE_PENDING) == 0;
}

bool
flow_ended(const struct flow *f)
{
	return f->closed && f->down.len == 0 && f->errs.len == 0 && f->wfd == -1;
}

/* Write what the ring has. False: nobody will take it any more. */
static bool
drain(struct ring *r, int fd)
{
	ssize_t n;

	while (r->len > 0) {
		n = write(fd, r->buf + r->start, r->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN;
		r->start += (size_t)n;
		r->len -= (size_t)n;
	}
	r->start = 0;
	return true;
}

/* The end of what comes: said to the reader, also where it holds other copies of the socket. */
static void
end_output(struct flow *f)
{
	int null;

	if (f->wfd == -1)
		return;
	shutdown(f->wfd, SHUT_WR);
	if (f->wfd == f->rfd) {
		f->wfd = -1;
		return;
	}
	if (f->wfd == STDOUT_FILENO && (null = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1) {
		dup2(null, STDOUT_FILENO); /* the number stays taken */
		close(null);
	}
	close_fd(&f->wfd);
}

static void
output_failed(struct flow *f)
{
	f->output_gone = true;
	f->down.len = 0;
	end_output(f);
	if (!f->closed)
		ssh_channel_close(f->channel);
}

/* From the channel to one ring and out; true while there is more in the channel. */
static bool
pull(struct flow *f, struct ring *r, int *fd, bool is_stderr)
{
	int n;

	if (r->len > 0 && *fd != -1 && !drain(r, *fd)) {
		if (!is_stderr) {
			output_failed(f);
			return false;
		}
		close_fd(fd);
	}
	if (r->len > 0 && *fd == -1)
		r->len = 0;
	if (r->len > 0)
		return false;
	r->start = 0;
	n = ssh_channel_read_nonblocking(f->channel, r->buf, (uint32_t)r->size, is_stderr);
	if (n <= 0)
		return false;
	r->len = (size_t)n;
	return true;
}

static void
run_down(struct flow *f)
{
	bool more = true;
	int i;

	/* Not for ever, however much there is: others wait, too. */
	for (i = 0; more && i < TURNS; i++)
		more = pull(f, &f->errs, &f->efd, true);
	f->fresh = more;
	more = !f->output_gone;
	for (i = 0; more && i < TURNS; i++)
		more = pull(f, &f->down, &f->wfd, false);
	f->fresh = f->fresh || more;
	if ((f->eof || f->closed) && f->down.len == 0 && ssh_channel_poll(f->channel, 0) <= 0)
		end_output(f);
}

static void
read_input(struct flow *f)
{
	size_t room = f->up.size, window = ssh_channel_window_size(f->channel);
	ssize_t n;

	n = read(f->rfd, f->up.buf, room < window ? room : window);
	if (n > 0) {
		f->up.start = 0;
		f->up.len = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
		if (f->rfd != f->wfd) {
			close_fd(&f->rfd);
			return;
		}
		f->rfd = -1;
		if (n == -1)
			output_failed(
			    f); /* reset, or never connected: it will not be written, either */
	}
}

static void
run_up(struct flow *f, bool readable)
{
	int n;

	if (f->closed)
		return;
	if (readable && flow_wants_input(f))
		read_input(f);
	while (f->up.len > 0) {
		n = ssh_channel_write(f->channel, f->up.buf + f->up.start, (uint32_t)f->up.len);
		if (n <= 0)
			break;
		f->up.start += (size_t)n;
		f->up.len -= (size_t)n;
	}
	if (f->rfd == -1 && f->up.len == 0 && !f->eof_sent) {
		f->eof_sent = true;
		ssh_channel_send_eof(f->channel);
	}
}

void
flow_run(struct flow *f, bool readable)
{
	if (f->held)
		return;
	run_down(f);
	run_up(f, readable);
	/* A socket that has ended both ways is of no more use to the other side. */
	if (f->efd == -1 && f->rfd == -1 && f->wfd == -1 && !f->closed && f->eof_sent)
		ssh_channel_close(f->channel);
}
