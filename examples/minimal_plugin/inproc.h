/*
 * inproc.h - the objects of the inproc transport, and what its files use of each other.
 *
 * Everything is guarded by the domain's lock; functions declared here want it held unless they are operations of the table.
 */
#ifndef INPROC_H
#define INPROC_H
#include <pthread.h>
#include <stddef.h>

#include "weft/transport_abi.h"

#define MAX_IOV 64            /* pieces of memory in one command of the host */
#define TRANSFERS_A_COMMAND 8 /* data calls whose on_data has not come yet */
#define OWNER(type, member, pointer) ((type*)(void*)((char*)(pointer) - offsetof(type, member)))

/* Something that group_poll is to say. */
struct event {
  struct event* next;
  void (*say)(struct event*);
};

struct weft_domain {
  const weft_services* services;
  pthread_mutex_t lock;
  weft_listener* listeners;
};

struct weft_group {
  weft_domain* domain;
  int wake; /* eventfd: readable while events wait */
  struct event *first, **last;
  weft_qpair* connecting; /* hosts that nobody accepted yet: they have deadlines */
  weft_stats stats;
};

struct weft_listener {
  struct event closed;
  weft_group* group;
  const weft_listener_events* events;
  void* ctx;
  weft_listener* next;
  int open;
  char name[224];
};

struct weft_pending {
  struct event asks;
  weft_domain* domain;
  weft_listener* listener;
  weft_qpair* host; /* NULL: it gave up meanwhile */
};

struct command { /* the host's, by CID */
  struct event answered;
  weft_qpair* qpair;
  struct command* next_waiting; /* for a free token */
  unsigned char sqe[64], cqe[16];
  weft_iov iov[MAX_IOV];
  uint32_t iovcnt, flags;
  uint64_t length, moved;
  int in_use, ended;
  int32_t error;
  uint16_t cid;
};

struct transfer { /* a data call that was carried out and is to be told */
  struct event done;
  struct token* token; /* NULL: free */
  uint64_t cookie, moved;
  uint32_t flags;
};

struct token { /* the controller's name for a command */
  struct event arrived;
  weft_qpair* qpair;
  unsigned char sqe[64];
  uint64_t index, length;
  uint16_t cid;
  int held;
  struct transfer transfers[TRANSFERS_A_COMMAND];
};

enum state { CONNECTING, READY, CLOSING, CLOSED };

struct weft_qpair {
  struct event ready, closed;
  weft_group* group;
  const weft_qpair_events* events;
  void* ctx;
  int host;
  enum state state;
  weft_error reason;
  uint32_t depth;
  uint64_t deadline_ns;
  char name[224];
  weft_qpair *peer, *next_connecting;
  weft_pending* pending;
  struct command* commands; /* host */
  struct token** tokens;    /* controller */
  struct command *first_waiting, **last_waiting;
  uint32_t held;
  weft_stats stats;
};

static inline void lock(weft_domain* domain) { pthread_mutex_lock(&domain->lock); }
static inline void unlock(weft_domain* domain) { pthread_mutex_unlock(&domain->lock); }

/* minimal_plugin.c */
int inproc_fail(weft_error*, int rc, const char* stage, const char* text); /* without the lock; gives rc */
weft_error inproc_reason(int32_t code, uint32_t origin, const char* stage, const char* text);
void inproc_copy_stats(weft_stats* out, const weft_stats*);
void inproc_post(weft_group*, struct event*, void (*say)(struct event*)); /* to be said by the group's next poll */

/* queue.c */
void inproc_end_command(struct command*, int32_t error); /* 0: it was answered */
void inproc_free_qpair(weft_qpair*);
uint64_t inproc_expire(weft_group*); /* ends connects that are late; the next deadline, 0: none */
int inproc_connect(weft_group*, const weft_address*, const weft_qpair_params*, const weft_qpair_events*, void* ctx,
                   weft_qpair**, weft_error*);
void inproc_close(weft_qpair*, uint32_t flags, uint64_t deadline_ns);
void inproc_qpair_info(const weft_qpair*, weft_qpair_info*);
void inproc_qpair_stats(const weft_qpair*, weft_stats*);
int inproc_listen(weft_group*, const weft_address*, const weft_listener_events*, void* ctx, weft_listener**,
                  weft_error*);
void inproc_unlisten(weft_listener*);
void inproc_listener_info(const weft_listener*, weft_listener_info*);
int inproc_accept(weft_group*, weft_pending*, const weft_qpair_params*, const weft_qpair_events*, void* ctx,
                  weft_qpair**, weft_error*);
void inproc_reject(weft_pending*, uint32_t why);
int inproc_configure(weft_qpair*, const weft_qpair_params*, weft_error*);

/* data.c */
int inproc_send_command(weft_qpair*, const void* sqe, const weft_iov*, uint32_t iovcnt, uint32_t flags);
int inproc_receive_data(weft_qpair*, uint64_t token, uint64_t offset, const weft_iov*, uint32_t iovcnt, uint64_t cookie,
                        uint32_t flags);
int inproc_send_data(weft_qpair*, uint64_t token, uint64_t offset, const weft_iov*, uint32_t iovcnt,
                     const void* final_cqe, uint64_t cookie, uint32_t flags);
int inproc_send_response(weft_qpair*, uint64_t token, const void* cqe, uint32_t flags);
void inproc_cancel_data(weft_qpair*, uint64_t token);
int inproc_release_command(weft_qpair*, uint64_t token);

#endif
