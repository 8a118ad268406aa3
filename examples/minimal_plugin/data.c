/*
 * data.c - commands, data and responses of the inproc transport.
 */
#include <errno.h>
#include <string.h>

#include "inproc.h"

static uint64_t length_of(const weft_iov* iov, uint32_t iovcnt) {
  uint64_t length = 0;
  for (uint32_t i = 0; i < iovcnt; ++i) length += iov[i].len;
  return length;
}

/* `length` bytes between `iov` and the host's memory from `offset` on. */
static void copy_data(const struct command* command, uint64_t offset, const weft_iov* iov, uint64_t length,
                      int to_host) {
  const weft_iov* theirs = command->iov;
  uint64_t in_ours = 0, in_theirs = offset;
  while (length > 0) {
    for (; in_ours == iov->len; in_ours = 0) ++iov;
    for (; in_theirs >= theirs->len; ++theirs) in_theirs -= theirs->len;
    uint64_t count = iov->len - in_ours;
    if (count > theirs->len - in_theirs) count = theirs->len - in_theirs;
    if (count > length) count = length;
    char *our_bytes = (char*)iov->base + in_ours, *their_bytes = (char*)theirs->base + in_theirs;
    memcpy(to_host ? their_bytes : our_bytes, to_host ? our_bytes : their_bytes, count);
    in_ours += count;
    in_theirs += count;
    length -= count;
  }
}

static void say_arrived(struct event* event) {
  struct token* token = OWNER(struct token, arrived, event);
  weft_qpair* qpair = token->qpair;
  weft_command command;
  memset(&command, 0, sizeof command);
  command.size = sizeof command;
  command.token = token->index;
  command.sqe = token->sqe;
  command.data_len = token->length;
  lock(qpair->group->domain);
  const int open = qpair->state == READY;
  if (!open) { /* it was closed before the core heard of this command */
    token->held = 0;
    --qpair->held;
  }
  unlock(qpair->group->domain);
  if (open) qpair->events->on_command(qpair->ctx, &command);
}

/* Gives the commands that wait to tokens that are free. */
static void hand_over(weft_qpair* controller) {
  for (uint32_t i = 0; controller->first_waiting != NULL && i < controller->depth; ++i) {
    struct token* token = controller->tokens[i];
    struct command* command = controller->first_waiting;
    if (token->held) continue;
    controller->first_waiting = command->next_waiting;
    if (controller->first_waiting == NULL) controller->last_waiting = &controller->first_waiting;
    memcpy(token->sqe, command->sqe, sizeof token->sqe);
    token->cid = command->cid;
    token->length = command->length;
    token->held = 1;
    ++controller->held;
    ++controller->stats.commands;
    inproc_post(controller->group, &token->arrived, say_arrived);
  }
}

int inproc_send_command(weft_qpair* qpair, const void* sqe, const weft_iov* iov, uint32_t iovcnt, uint32_t flags) {
  const unsigned char* bytes = sqe;
  const uint32_t cid = bytes[2] | (uint32_t)bytes[3] << 8;
  const uint64_t length = length_of(iov, iovcnt);
  int rc = 0;
  if ((flags & ~(WEFT_DIR_IN | WEFT_DIR_OUT)) != 0) return -ENOTSUP;
  if (cid >= qpair->depth || iovcnt > MAX_IOV) return -EINVAL;
  lock(qpair->group->domain);
  struct command* command = &qpair->commands[cid];
  if (qpair->state != READY) {
    rc = -ENOTCONN;
  } else if (command->in_use) {
    rc = -EINVAL;
  } else {
    memcpy(command->sqe, sqe, sizeof command->sqe);
    command->sqe[1] |= 0x40; /* PSDT: SGL */
    command->sqe[39] = 0x5a; /* SGL1: transport data block, and its length */
    for (int i = 0; i < 4; ++i) command->sqe[32 + i] = (unsigned char)(length >> (8 * i));
    if (iovcnt > 0) memcpy(command->iov, iov, iovcnt * sizeof *iov);
    command->iovcnt = iovcnt;
    command->flags = flags;
    command->length = length;
    command->moved = 0;
    command->error = 0;
    command->cid = (uint16_t)cid;
    command->in_use = 1;
    command->ended = 0;
    command->next_waiting = NULL;
    *qpair->peer->last_waiting = command;
    qpair->peer->last_waiting = &command->next_waiting;
    ++qpair->stats.commands;
    hand_over(qpair->peer);
  }
  unlock(qpair->group->domain);
  return rc;
}

/* The host's command, NULL when the call is wrong (*rc says how). With the lock held. */
static struct command* command_of(weft_qpair* qpair, uint64_t token, int* rc) {
  *rc = -ENOTCONN;
  if (qpair->state != READY) return NULL;
  *rc = -EINVAL;
  if (token >= qpair->depth || !qpair->tokens[token]->held) return NULL;
  struct command* command = &qpair->peer->commands[qpair->tokens[token]->cid];
  if (!command->in_use || command->ended) return NULL;
  *rc = 0;
  return command;
}

static void answer(weft_qpair* qpair, struct command* command, const void* cqe) {
  memcpy(command->cqe, cqe, sizeof command->cqe);
  ++qpair->stats.responses;
  inproc_end_command(command, 0);
}

static void say_done(struct event* event) {
  struct transfer* transfer = OWNER(struct transfer, done, event);
  const struct transfer said = *transfer;
  weft_qpair* qpair = said.token->qpair;
  lock(qpair->group->domain);
  transfer->token = NULL;
  unlock(qpair->group->domain);
  qpair->events->on_data(qpair->ctx, said.cookie, said.moved, 0, 0, said.flags);
}

static struct transfer* free_transfer(struct token* token) {
  for (int i = 0; i < TRANSFERS_A_COMMAND; ++i)
    if (token->transfers[i].token == NULL) return &token->transfers[i];
  return NULL;
}

static int is_busy(const struct token* token) {
  for (int i = 0; i < TRANSFERS_A_COMMAND; ++i)
    if (token->transfers[i].token != NULL) return 1;
  return 0;
}

static int move_data(weft_qpair* qpair, uint64_t index, uint64_t offset, const weft_iov* iov, uint32_t iovcnt,
                     uint64_t cookie, const void* cqe, int to_host) {
  const uint64_t length = length_of(iov, iovcnt);
  int rc;
  lock(qpair->group->domain);
  struct command* command = command_of(qpair, index, &rc);
  struct transfer* transfer = command != NULL ? free_transfer(qpair->tokens[index]) : NULL;
  if (command != NULL && (transfer == NULL || offset > command->length || length > command->length - offset ||
                          (command->flags & (to_host ? WEFT_DIR_IN : WEFT_DIR_OUT)) == 0))
    rc = -EINVAL;
  if (rc == 0) {
    copy_data(command, offset, iov, length, to_host);
    command->moved += length;
    *(to_host ? &qpair->stats.bytes_out : &qpair->stats.bytes_in) += length;
    transfer->token = qpair->tokens[index];
    transfer->cookie = cookie;
    transfer->moved = length;
    transfer->flags = cqe != NULL ? WEFT_RESPONSE_SENT : 0;
    inproc_post(qpair->group, &transfer->done, say_done);
    if (cqe != NULL) answer(qpair, command, cqe);
  }
  unlock(qpair->group->domain);
  return rc;
}

int inproc_receive_data(weft_qpair* qpair, uint64_t token, uint64_t offset, const weft_iov* iov, uint32_t iovcnt,
                        uint64_t cookie, uint32_t flags) {
  if (flags != 0) return -ENOTSUP;
  return move_data(qpair, token, offset, iov, iovcnt, cookie, NULL, 0);
}

int inproc_send_data(weft_qpair* qpair, uint64_t token, uint64_t offset, const weft_iov* iov, uint32_t iovcnt,
                     const void* final_cqe, uint64_t cookie, uint32_t flags) {
  if ((flags & ~WEFT_ALLOW_IMPLIED) != 0) return -ENOTSUP;
  return move_data(qpair, token, offset, iov, iovcnt, cookie, final_cqe, 1);
}

int inproc_send_response(weft_qpair* qpair, uint64_t token, const void* cqe, uint32_t flags) {
  int rc;
  if (flags != 0) return -ENOTSUP;
  lock(qpair->group->domain);
  struct command* command = command_of(qpair, token, &rc);
  if (command != NULL) answer(qpair, command, cqe);
  unlock(qpair->group->domain);
  return rc;
}

void inproc_cancel_data(weft_qpair* qpair, uint64_t token) { (void)qpair, (void)token; } /* it is done, always */

int inproc_release_command(weft_qpair* qpair, uint64_t token) {
  weft_domain* domain = qpair->group->domain;
  int rc = 0, gone = 0;
  lock(domain);
  if (token >= qpair->depth || !qpair->tokens[token]->held) {
    rc = -EINVAL;
  } else if (is_busy(qpair->tokens[token])) {
    rc = -EBUSY;
  } else {
    qpair->tokens[token]->held = 0;
    --qpair->held;
    if (qpair->state == READY) hand_over(qpair);
    gone = qpair->state == CLOSED && qpair->held == 0;
  }
  unlock(domain);
  if (gone) inproc_free_qpair(qpair);
  return rc;
}
