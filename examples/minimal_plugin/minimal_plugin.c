/*
 * minimal_plugin.c - a whole transport in C99: host and controller in one process, joined by memory.
 *
 *   cc -std=c99 -fPIC -shared -fvisibility=hidden -o libweft-inproc.so minimal_plugin.c queue.c data.c
 *
 * It answers to inproc://ANYNAME/nqn... in a program that serves and uses a namespace at once. It is here to be read,
 * beside docs/plugin_guide.md; it keeps every promise of transport_abi.h and takes the simplest way to each:
 *   - one lock in the domain guards all; events are called without it
 *   - what happened waits in a list on the group that it concerns, and group_poll says it: never a call from within a call
 *   - each list entry is a part of the thing that it tells about, so the data path allocates nothing
 *   - data is copied at once, straight from one side's memory to the other's: at a flush there is nothing left to do
 * This file has the table, domains and groups; queue.c how queue pairs come and end; data.c commands and data.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "inproc.h"

int inproc_fail(weft_error* error, int rc, const char* stage, const char* text) {
  error->code = rc;
  error->origin = WEFT_ORIGIN_LOCAL;
  snprintf(error->stage, sizeof error->stage, "%s", stage);
  snprintf(error->text, sizeof error->text, "%s", text);
  return rc;
}

weft_error inproc_reason(int32_t code, uint32_t origin, const char* stage, const char* text) {
  weft_error error;
  memset(&error, 0, sizeof error);
  error.size = sizeof error;
  inproc_fail(&error, code, stage, text);
  error.origin = origin;
  return error;
}

/* With the lock held. The group's thread may be asleep on its descriptor. */
void inproc_post(weft_group* group, struct event* event, void (*say)(struct event*)) {
  const uint64_t one = 1;
  event->next = NULL;
  event->say = say;
  *group->last = event;
  group->last = &event->next;
  if (write(group->wake, &one, sizeof one) < 0) return; /* full: readable already */
}

void inproc_copy_stats(weft_stats* out, const weft_stats* stats) {
  const uint32_t size = out->size < sizeof *stats ? out->size : (uint32_t)sizeof *stats; /* what both know */
  memcpy(out, stats, size);
  out->size = size;
}

static int domain_open(const weft_services* services, const weft_option* options, uint32_t count, weft_domain** out,
                       weft_error* error) {
  weft_domain* domain = calloc(1, sizeof *domain);
  (void)options, (void)count;
  if (domain == NULL) return inproc_fail(error, -ENOMEM, "", "no memory for the domain");
  domain->services = services;
  pthread_mutex_init(&domain->lock, NULL);
  *out = domain;
  return 0;
}

static void domain_close(weft_domain* domain) {
  pthread_mutex_destroy(&domain->lock);
  free(domain);
}

static int group_open(weft_domain* domain, weft_group** out, weft_error* error) {
  weft_group* group = calloc(1, sizeof *group);
  if (group == NULL) return inproc_fail(error, -ENOMEM, "", "no memory for a group");
  group->domain = domain;
  group->last = &group->first;
  group->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (group->wake < 0) {
    const int rc = -errno;
    free(group);
    return inproc_fail(error, rc, "", "no descriptor for a group");
  }
  *out = group;
  return 0;
}

static void group_close(weft_group* group) {
  close(group->wake);
  free(group);
}

static int group_poll(weft_group* group, uint32_t budget) {
  uint64_t count;
  uint32_t said = 0;
  lock(group->domain);
  if (read(group->wake, &count, sizeof count) < 0) count = 0; /* nothing had been posted */
  if (group->connecting != NULL) inproc_expire(group);
  for (; group->first != NULL && said < budget; ++said) {
    struct event* event = group->first;
    group->first = event->next;
    if (group->first == NULL) group->last = &group->first;
    unlock(group->domain);
    event->say(event);
    lock(group->domain);
  }
  ++group->stats.polls;
  unlock(group->domain);
  return (int)said;
}

static void group_flush(weft_group* group) { (void)group; }

static int group_arm(weft_group* group, int* fd, uint64_t* deadline_ns) {
  lock(group->domain);
  *fd = group->wake;
  *deadline_ns = inproc_expire(group);
  const int rc = group->first == NULL ? 0 : -EAGAIN;
  unlock(group->domain);
  return rc;
}

static void group_stats(const weft_group* group, weft_stats* out) { inproc_copy_stats(out, &group->stats); }

static const weft_transport table = {
    .size = sizeof(weft_transport),
    .abi_minor = WEFT_ABI_MINOR,
    .name = "inproc",
    .version = "1.0",
    .roles = WEFT_ROLE_HOST | WEFT_ROLE_CONTROLLER,
    .trtype = 0xfe,
    .domain_open = domain_open,
    .domain_close = domain_close,
    .group_open = group_open,
    .group_poll = group_poll,
    .group_flush = group_flush,
    .group_arm = group_arm,
    .group_close = group_close,
    .group_stats = group_stats,
    .connect = inproc_connect,
    .close = inproc_close,
    .qpair_info = inproc_qpair_info,
    .qpair_stats = inproc_qpair_stats,
    .send_command = inproc_send_command,
    .listen = inproc_listen,
    .unlisten = inproc_unlisten,
    .listener_info = inproc_listener_info,
    .accept = inproc_accept,
    .reject = inproc_reject,
    .configure = inproc_configure,
    .receive_data = inproc_receive_data,
    .send_data = inproc_send_data,
    .send_response = inproc_send_response,
    .cancel_data = inproc_cancel_data,
    .release_command = inproc_release_command,
};

const weft_transport* weft_transport_v1(void);
__attribute__((visibility("default"))) const weft_transport* weft_transport_v1(void) { return &table; }
