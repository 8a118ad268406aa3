/*
 * queue.c - queue pairs and listeners of the inproc transport: how they come to be and how they end.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inproc.h"

/* ---- The end of a queue pair ------------------------------------------------------------------------------------ */

static void forget_connecting(weft_qpair* qpair) {
  weft_qpair** at = &qpair->group->connecting;
  while (*at != NULL && *at != qpair) at = &(*at)->next_connecting;
  if (*at != NULL) *at = qpair->next_connecting;
}

void inproc_free_qpair(weft_qpair* qpair) {
  for (uint32_t i = 0; qpair->tokens != NULL && i < qpair->depth; ++i) free(qpair->tokens[i]);
  free(qpair->tokens);
  free(qpair->commands);
  free(qpair);
}

static void say_closed(struct event* event) {
  weft_qpair* qpair = OWNER(weft_qpair, closed, event);
  weft_domain* domain = qpair->group->domain;
  qpair->events->on_closed(qpair->ctx, &qpair->reason);
  lock(domain);
  const int gone = qpair->held == 0;
  qpair->state = CLOSED; /* from now on the release of the last token frees it */
  unlock(domain);
  if (gone) inproc_free_qpair(qpair);
}

static void say_answered(struct event* event) {
  struct command* command = OWNER(struct command, answered, event);
  weft_qpair* qpair = command->qpair;
  weft_response response;
  memset(&response, 0, sizeof response);
  response.size = sizeof response;
  lock(qpair->group->domain);
  unsigned char cqe[16];
  memcpy(cqe, command->cqe, sizeof cqe);
  response.cqe = command->error == 0 ? cqe : NULL;
  response.flags = command->error == 0 ? WEFT_SQHD_VALID : 0;
  response.moved = command->moved;
  response.error = command->error;
  response.cid = command->cid;
  command->in_use = 0; /* the core may use the CID again from inside the event */
  ++qpair->stats.responses;
  unlock(qpair->group->domain);
  qpair->events->on_response(qpair->ctx, &response);
}

void inproc_end_command(struct command* command, int32_t error) {
  if (!command->in_use || command->ended) return;
  command->ended = 1;
  command->error = error;
  inproc_post(command->qpair->group, &command->answered, say_answered);
}

/* One side: every command ends, then closed. Data calls were carried out already; their events are on their way. */
static void end_side(weft_qpair* qpair, int32_t commands, const weft_error* why) {
  if (qpair->state == CLOSING || qpair->state == CLOSED) return;
  if (qpair->state == CONNECTING && qpair->host) forget_connecting(qpair);
  if (qpair->pending != NULL) qpair->pending->host = NULL;
  qpair->pending = NULL;
  qpair->state = CLOSING;
  qpair->reason = *why;
  for (uint32_t i = 0; qpair->commands != NULL && i < qpair->depth; ++i)
    inproc_end_command(&qpair->commands[i], commands);
  qpair->first_waiting = NULL;
  inproc_post(qpair->group, &qpair->closed, say_closed);
}

static void end_both(weft_qpair* qpair, int32_t commands, const weft_error* why) {
  const weft_error theirs = inproc_reason(0, WEFT_ORIGIN_PEER, "", "the peer closed the queue pair");
  weft_qpair* peer = qpair->peer;
  end_side(qpair, commands, why);
  if (peer == NULL) return;
  end_side(peer, -ECONNRESET, &theirs);
  qpair->peer = peer->peer = NULL;
}

void inproc_close(weft_qpair* qpair, uint32_t flags, uint64_t deadline_ns) {
  const weft_error ours = inproc_reason(0, WEFT_ORIGIN_LOCAL, "", "");
  (void)flags, (void)deadline_ns; /* nothing is ever queued that could still go */
  lock(qpair->group->domain);
  end_both(qpair, -ECANCELED, &ours);
  unlock(qpair->group->domain);
}

/* ---- How queue pairs come to be ---------------------------------------------------------------------------------- */

static void say_ready(struct event* event) {
  weft_qpair* qpair = OWNER(weft_qpair, ready, event);
  weft_limits limits;
  memset(&limits, 0, sizeof limits);
  limits.size = sizeof limits;
  limits.caps = WEFT_CAP_SGL_TRANSPORT;
  limits.max_iov = MAX_IOV;
  limits.max_descriptors = 1;
  limits.max_depth = 65536;
  limits.data_alignment = 1;
  lock(qpair->group->domain);
  const int still = qpair->state == CONNECTING;
  if (still && qpair->host) forget_connecting(qpair);
  if (still) qpair->state = READY;
  unlock(qpair->group->domain);
  if (still) qpair->events->on_ready(qpair->ctx, &limits);
}

static int add_tokens(weft_qpair* qpair, uint32_t depth) {
  struct token** tokens = realloc(qpair->tokens, depth * sizeof *tokens);
  if (tokens == NULL) return -ENOMEM;
  qpair->tokens = tokens;
  for (; qpair->depth < depth; ++qpair->depth) {
    struct token* token = calloc(1, sizeof *token);
    if (token == NULL) return -ENOMEM;
    token->qpair = qpair;
    token->index = qpair->depth;
    tokens[qpair->depth] = token;
  }
  return 0;
}

static weft_qpair* make_qpair(weft_group* group, int host, const weft_qpair_params* params,
                              const weft_qpair_events* events, void* ctx, const char* name) {
  weft_qpair* qpair = calloc(1, sizeof *qpair);
  if (qpair == NULL) return NULL;
  qpair->group = group;
  qpair->host = host;
  qpair->events = events;
  qpair->ctx = ctx;
  qpair->deadline_ns = params->deadline_ns;
  qpair->last_waiting = &qpair->first_waiting;
  snprintf(qpair->name, sizeof qpair->name, "%s", name);
  if (host) {
    qpair->commands = calloc(params->depth, sizeof *qpair->commands);
    for (uint32_t i = 0; qpair->commands != NULL && i < params->depth; ++i) qpair->commands[i].qpair = qpair;
    qpair->depth = params->depth;
  }
  if (host ? qpair->commands == NULL : add_tokens(qpair, params->depth) != 0) {
    inproc_free_qpair(qpair);
    return NULL;
  }
  return qpair;
}

static int check_params(const weft_qpair_params* params, weft_error* error) {
  if ((params->flags & ~(WEFT_QP_ADMIN | WEFT_QP_SQ_FLOW_CONTROL)) != 0)
    return inproc_fail(error, -ENOTSUP, "", "inproc does not know one of the flags");
  if (params->depth == 0 || params->depth > 65536)
    return inproc_fail(error, -EINVAL, "", "the depth is not 1 to 65,536");
  return 0;
}

static int check_address(const weft_address* address, weft_error* error) {
  if (address->fd >= 0 || address->reserved != 0) return inproc_fail(error, -ENOTSUP, "", "inproc has no sockets");
  if (address->traddr == NULL || *address->traddr == '\0')
    return inproc_fail(error, -EINVAL, "", "the address has no name");
  if (strlen(address->traddr) >= sizeof((weft_listener*)0)->name)
    return inproc_fail(error, -ENAMETOOLONG, "", "the name is too long");
  return 0;
}

static void refuse_host(weft_pending* pending, uint32_t detail, const char* text) {
  weft_error error = inproc_reason(-ECONNREFUSED, WEFT_ORIGIN_PEER, "connect", text);
  error.detail = detail;
  if (pending->host != NULL) end_side(pending->host, -ECONNREFUSED, &error);
  free(pending);
}

static void say_asks(struct event* event) {
  weft_pending* pending = OWNER(weft_pending, asks, event);
  weft_listener* listener = pending->listener;
  weft_connect_info info;
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  info.peer = info.local = listener->name;
  lock(pending->domain);
  const int open = listener->open && pending->host != NULL;
  if (!open) refuse_host(pending, 0, "the listener has gone");
  unlock(listener->group->domain);
  if (open) listener->events->on_connect(listener->ctx, pending, &info);
}

int inproc_connect(weft_group* group, const weft_address* address, const weft_qpair_params* params,
                   const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) {
  int rc = check_address(address, error);
  if (rc == 0) rc = check_params(params, error);
  if (rc != 0) return rc;
  weft_qpair* host = make_qpair(group, 1, params, events, ctx, address->traddr);
  weft_pending* pending = calloc(1, sizeof *pending);
  if (host == NULL || pending == NULL) {
    if (host != NULL) inproc_free_qpair(host);
    free(pending);
    return inproc_fail(error, -ENOMEM, "connect", "no memory for a queue pair of that depth");
  }
  lock(group->domain);
  host->next_connecting = group->connecting;
  group->connecting = host;
  pending->domain = group->domain;
  pending->host = host;
  host->pending = pending;
  for (pending->listener = group->domain->listeners; pending->listener != NULL;
       pending->listener = pending->listener->next)
    if (strcmp(pending->listener->name, address->traddr) == 0) break;
  if (pending->listener != NULL)
    inproc_post(pending->listener->group, &pending->asks, say_asks);
  else
    refuse_host(pending, 0, "nobody listens at that name");
  unlock(group->domain);
  *out = host;
  return 0;
}

int inproc_listen(weft_group* group, const weft_address* address, const weft_listener_events* events, void* ctx,
                  weft_listener** out, weft_error* error) {
  const int rc = check_address(address, error);
  if (rc != 0) return rc;
  weft_listener* listener = calloc(1, sizeof *listener);
  if (listener == NULL) return inproc_fail(error, -ENOMEM, "listen", "no memory for a listener");
  lock(group->domain);
  for (weft_listener* other = group->domain->listeners; other != NULL; other = other->next)
    if (strcmp(other->name, address->traddr) == 0) {
      unlock(group->domain);
      free(listener);
      return inproc_fail(error, -EADDRINUSE, "listen", "somebody listens at that name already");
    }
  listener->group = group;
  listener->events = events;
  listener->ctx = ctx;
  listener->open = 1;
  strcpy(listener->name, address->traddr);
  listener->next = group->domain->listeners;
  group->domain->listeners = listener;
  unlock(group->domain);
  *out = listener;
  return 0;
}

static void say_listener_closed(struct event* event) {
  weft_listener* listener = OWNER(weft_listener, closed, event);
  const weft_error ours = inproc_reason(0, WEFT_ORIGIN_LOCAL, "", "");
  listener->events->on_closed(listener->ctx, &ours);
  free(listener);
}

void inproc_unlisten(weft_listener* listener) {
  weft_domain* domain = listener->group->domain;
  lock(domain);
  weft_listener** at = &domain->listeners;
  while (*at != listener) at = &(*at)->next;
  *at = listener->next;
  listener->open = 0; /* those that ask and were not told yet come before `closed` in the list, and are refused */
  inproc_post(listener->group, &listener->closed, say_listener_closed);
  unlock(domain);
}

void inproc_listener_info(const weft_listener* listener, weft_listener_info* out) {
  weft_listener_info info;
  memset(&info, 0, sizeof info);
  info.size = out->size < sizeof info ? out->size : (uint32_t)sizeof info;
  info.trtype = info.adrfam = 0xfe; /* "intra-host" */
  snprintf(info.traddr, sizeof info.traddr, "%s", listener->name);
  memcpy(out, &info, info.size);
}

int inproc_accept(weft_group* group, weft_pending* pending, const weft_qpair_params* params,
                  const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) {
  const weft_error gone = inproc_reason(0, WEFT_ORIGIN_PEER, "", "the host went away");
  const int rc = check_params(params, error);
  if (rc != 0) return rc;
  weft_qpair* controller = make_qpair(group, 0, params, events, ctx, "inproc");
  if (controller == NULL) return inproc_fail(error, -ENOMEM, "accept", "no memory for a queue pair of that depth");
  lock(group->domain);
  weft_qpair* host = pending->host;
  free(pending);
  if (host == NULL) {
    end_side(controller, 0, &gone);
  } else {
    host->pending = NULL;
    host->peer = controller;
    controller->peer = host;
    snprintf(controller->name, sizeof controller->name, "%s", host->name);
    inproc_post(controller->group, &controller->ready, say_ready); /* before any command can be */
    inproc_post(host->group, &host->ready, say_ready);
  }
  unlock(group->domain);
  *out = controller;
  return 0;
}

void inproc_reject(weft_pending* pending, uint32_t why) {
  weft_domain* domain = pending->domain;
  lock(domain);
  refuse_host(pending, why, "the controller rejected the queue pair");
  unlock(domain);
}

int inproc_configure(weft_qpair* qpair, const weft_qpair_params* params, weft_error* error) {
  int rc = check_params(params, error);
  if (rc != 0) return rc;
  lock(qpair->group->domain);
  if (params->depth > qpair->depth) rc = add_tokens(qpair, params->depth);
  unlock(qpair->group->domain);
  return rc == 0 ? 0 : inproc_fail(error, rc, "configure", "no memory for a queue pair of that depth");
}

void inproc_qpair_info(const weft_qpair* qpair, weft_qpair_info* out) {
  weft_qpair_info info;
  memset(&info, 0, sizeof info);
  info.size = out->size < sizeof info ? out->size : (uint32_t)sizeof info;
  info.caps = WEFT_CAP_SGL_TRANSPORT;
  snprintf(info.peer, sizeof info.peer, "%s", qpair->name);
  snprintf(info.local, sizeof info.local, "%s", qpair->name);
  memcpy(out, &info, info.size);
}

void inproc_qpair_stats(const weft_qpair* qpair, weft_stats* out) { inproc_copy_stats(out, &qpair->stats); }

/* The nearest deadline of a connect, 0: none. Those that passed end here. */
uint64_t inproc_expire(weft_group* group) {
  const weft_services* services = group->domain->services;
  const weft_error late = inproc_reason(-ETIMEDOUT, WEFT_ORIGIN_LOCAL, "connect", "nobody accepted in time");
  uint64_t nearest = 0;
  for (weft_qpair *qpair = group->connecting, *next; qpair != NULL; qpair = next) {
    next = qpair->next_connecting;
    if (qpair->deadline_ns == 0) continue;
    if (services->now_ns(services->ctx) >= qpair->deadline_ns)
      end_both(qpair, -ETIMEDOUT, &late);
    else if (nearest == 0 || qpair->deadline_ns < nearest)
      nearest = qpair->deadline_ns;
  }
  return nearest;
}
