/*
 * transport_abi.h - the whole contract between the core and a transport plugin (C99, LP64, little- or big-endian).
 *
 * Versioning. The exported symbol carries the major version. Within a major version tables and parameter structs only grow at the end.
 * Each starts with `size`, written by whoever fills it; a field exists iff it lies wholly below `size` (WEFT_HAS). Unknown flag
 * bits and non-zero reserved fields are refused with -ENOTSUP. weft_iov and weft_option are passed as arrays and never grow.
 * A struct lent to be filled (weft_error, weft_stats, *_info as an argument of an operation) comes with its room in `size`;
 * the filler writes no further and leaves in `size` what it filled. A weft_error pointer may be NULL.
 *
 * Threads. A domain belongs to the process: its operations and its regions may be used from any thread. A group and all
 * opened on it belong to the thread that opened the group. Operations on different groups run at the same time.
 * A weft_pending belongs to nobody: it may be handed to another thread, and is ended there by accept() or reject(). It
 * outlives unlisten(); the core ends every pending before it closes the listener's group. A region serves every queue pair
 * of its domain, whatever the device.
 *
 * Events come only from inside group_poll() of their group. From inside an event the core may call every operation of
 * that group except group_poll, group_arm and group_close, and may close the queue pair that the event is about.
 *
 * Room. connect/accept/configure make all memory for `depth` commands. After that no data path call fails for want of
 * room: it returns 0, -ENOTCONN (closing) or -EINVAL (caller's bug, checked in debug builds). A command that finds no free
 * token waits in the plugin (the peer may have its response before the core releases the token); more unanswered commands
 * than depth are a violation. At most WEFT_DATA_CALLS data calls of one token are outstanding at a time, in order of offset.
 *
 * Sending. A call only queues. What is queued is on its way at the latest when group_flush() returns; group_poll()
 * begins with an implied flush. So the core flushes once a turn, and a plugin batches over all its queue pairs.
 *
 * Order. on_command comes in the order in which the capsules arrived (fused pairs rely on it), and may come before
 * in-capsule data is complete: receive_data ends when it is. With WEFT_QP_SQ_FLOW_CONTROL, responses (send_response, and
 * send_data with a final CQE) leave in the order of the calls, since each tells the head of the submission queue; without,
 * in any order. Data of different tokens ends in any order. Data that the core never asked for is taken and dropped by the plugin
 * once the command is answered. `moved` of on_data is exactly the bytes of the call, or fewer with an error or a status.
 *
 * Calls. A call that returns an error had no effect: a pending is still to be ended, an fd still the caller's. What is
 * passed by pointer (sqe, cqe, iov array, params, addresses, options) is copied before the call returns; event tables and
 * services live as long as the object. Deadlines are absolute on now_ns's clock; 0: none.
 *
 * Ending. on_closed is the last event and comes by itself when the peer or the network ends the queue pair; every on_data
 * and on_response came before. Commands not yet released keep the handle, their sqe and capsule data alive: after on_closed
 * release_command is the only call allowed, and the last one frees the handle; with none held it is gone when on_closed
 * returns. A listener ends alike: unlisten() stops on_connect at once, its on_closed comes from the next group_poll (or by
 * itself when the listener fails) and the handle is gone when it returns. group_close: only when nothing opened on the group
 * is left; domain_close: after groups and regions.
 *
 * Borrowing. iov memory: until on_data (controller) or on_response (host); a plugin holds these back until neither it, the kernel
 * nor the device touches the memory. sqe and capsule data of a command: until send_response, the send_data with a final CQE, or
 * release_command, whichever comes first; capsule data only until receive_data of its last byte. Unanswered, a command is dropped.
 */
#ifndef WEFT_TRANSPORT_ABI_H
#define WEFT_TRANSPORT_ABI_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define WEFT_ABI_MAJOR 1u
#define WEFT_ABI_MINOR 0u
#define WEFT_ENTRY_SYMBOL "weft_transport_v1"
#define WEFT_DATA_CALLS 2u /* outstanding receive_data and send_data calls together, per token */
#define WEFT_HAS(table, type, field) ((table)->size >= offsetof(type, field) + sizeof((table)->field))

typedef struct weft_domain weft_domain; /* one per transport and process: devices, registered memory */
typedef struct weft_group weft_group;   /* what one thread polls */
typedef struct weft_listener weft_listener;
typedef struct weft_pending weft_pending; /* a peer that asks for a queue pair; no thread owns it yet */
typedef struct weft_qpair weft_qpair;
typedef struct weft_region weft_region;

#define WEFT_ORIGIN_LOCAL 0u    /* our side decided (close, deadline, bad argument) */
#define WEFT_ORIGIN_PEER 1u     /* the peer closed, rejected or sent a TermReq */
#define WEFT_ORIGIN_PROTOCOL 2u /* the peer broke the protocol */
#define WEFT_ORIGIN_NETWORK 3u  /* reset, unreachable, device gone */
typedef struct weft_error {
  uint32_t size;
  int32_t code; /* negative errno; 0 in on_closed: clean */
  uint32_t origin;
  uint32_t detail; /* transport's own: FES<<16|FEI, CM reject status, ... */
  char stage[16];  /* "resolve", "connect", "tls", "icreq", "" */
  char text[224];
} weft_error;

/* Values of declared options come checked against their type and in one form: "on" or "off", bytes, nanoseconds and counts
 * as decimal numbers, one of the words, any text. */
typedef struct weft_option {
  const char* key;
  const char* value;
} weft_option;
typedef struct weft_option_info { /* printed and checked. fallback: "host A, controller B" where the roles differ */
  const char *key, *type, *fallback, *help; /* type: bool, size, duration, count, text, or a|b|c */
} weft_option_info;

typedef struct weft_address {
  uint32_t size;
  int32_t fd; /* >= 0: an open socket in place of traddr; owned on success only */
  const char *traddr, *trsvcid, *source_traddr, *source_interface;
  const weft_option* options;
  uint32_t option_count, reserved;
} weft_address;

typedef struct weft_iov {
  void* base;
  uint64_t len;
  weft_region* region;
} weft_iov;

#define WEFT_CAP_SGL_IN_CAPSULE (1u << 0)
#define WEFT_CAP_SGL_KEYED (1u << 1)
#define WEFT_CAP_SGL_TRANSPORT (1u << 2)
#define WEFT_CAP_IMPLIED_SUCCESS (1u << 3)   /* can fold a success into the last data */
#define WEFT_CAP_NEEDS_REGION (1u << 4)      /* copies data that has no region */
#define WEFT_CAP_REMOTE_INVALIDATE (1u << 5) /* memory is out of the peer's reach when on_response comes */
typedef struct weft_limits {
  uint32_t size, caps;
  uint32_t max_in_capsule;            /* I/O queues, bytes this side can take or send */
  uint32_t max_in_capsule_admin;      /* 8192 on TCP whatever IOCCSZ says */
  uint32_t max_iov, max_descriptors;  /* MSDBD */
  uint32_t max_depth, data_alignment; /* iov alignment that avoids a copy; 1: any */
  uint64_t max_transfer;              /* 0: none */
  uint32_t max_io_depth, reserved;    /* controller, admin queue: entries that I/O queues can have; 0: no bound here */
} weft_limits;

#define WEFT_QP_ADMIN (1u << 0)
#define WEFT_QP_SQ_FLOW_CONTROL (1u << 1)
typedef struct weft_qpair_params {
  uint32_t size, flags;
  uint32_t depth; /* entries, 1 based, to 65,536; host CIDs are < depth */
  uint16_t qid, cntlid;
  uint32_t in_capsule; /* host: what the controller granted; controller: what it advertised */
  uint16_t max_descriptors, icdoff;
  uint64_t deadline_ns;         /* host: for on_ready; controller: for the handshake */
  const char *hostnqn, *subnqn; /* host: known; controller: NULL until configure */
} weft_qpair_params;

#define WEFT_DATA_IN_CAPSULE (1u << 0) /* weft_command.flags: SGL names the capsule's own data */
#define WEFT_DATA_COMPLETE (1u << 1)   /* capsule_data holds all of it now */
typedef struct weft_command {
  uint32_t size, flags;
  uint64_t token;           /* < depth: an index; until release_command */
  const void* sqe;          /* 64 bytes */
  const void* capsule_data; /* NULL: none, or not contiguous: use receive_data */
  uint64_t data_len;        /* from the SGL; compared by the plugin with what the wire carries */
  uint16_t status;          /* NVMe status (SCT<<8|SC, DNR 4000h) the transport's checks ask for; 0: none */
  uint16_t error_offset;    /* byte in the SQE, when status is set */
  uint32_t reserved;
} weft_command;

#define WEFT_SQHD_VALID (1u << 0)
typedef struct weft_response {
  uint32_t size, flags;
  const void* cqe; /* 16 bytes; NULL: ended here without one (close, digest, deadline) */
  uint64_t moved;  /* bytes of data that moved; a wire that does not count them: all with a CQE of success, else 0 */
  int32_t error;   /* negative errno: the data or the command failed on this side */
  uint16_t cid, reserved;
} weft_response;

#define WEFT_RESPONSE_SENT (1u << 0)    /* on_data: the final CQE has gone too */
#define WEFT_RESPONSE_IMPLIED (1u << 1) /* ... folded into the data: no SQHD went with it */
typedef struct weft_qpair_events {
  uint32_t size, reserved;
  void (*on_ready)(void* ctx, const weft_limits*);
  void (*on_command)(void* ctx, const weft_command*);
  void (*on_response)(void* ctx, const weft_response*);
  void (*on_data)(void* ctx, uint64_t cookie, uint64_t moved, int32_t error, uint16_t status, uint32_t flags);
  void (*on_closed)(void* ctx, const weft_error*);
} weft_qpair_events;

typedef struct weft_connect_info { /* what is known before the Connect command; 0 or NULL: not told */
  uint32_t size, flags;
  const char *peer, *local;
  uint32_t depth;
  uint16_t qid, cntlid;
} weft_connect_info;
typedef struct weft_listener_events {
  uint32_t size, reserved;
  void (*on_connect)(void* ctx, weft_pending*, const weft_connect_info*); /* now the core's: accept or reject, once */
  void (*on_closed)(void* ctx, const weft_error*);
} weft_listener_events;
typedef struct weft_listener_info { /* for the address printed and the discovery log entry */
  uint32_t size;
  uint8_t trtype, adrfam, treq, reserved;
  char traddr[256], trsvcid[32]; /* IP: "0.0.0.0", "::" (IPv6 alone), "*" (both): every address */
  uint8_t tsas[256];
} weft_listener_info;

typedef struct weft_qpair_info {
  uint32_t size, caps;
  char peer[256], peer_trsvcid[32], local[256], local_trsvcid[32];
} weft_qpair_info;
typedef struct weft_stats { /* per queue pair and per group; only grows */
  uint32_t size, reserved;
  uint64_t commands, responses, bytes_in, bytes_out, syscalls_in, syscalls_out, copies, copied_bytes, digest_errors,
      polls, empty_polls, arms, region_hits, region_misses;
} weft_stats;

#define WEFT_LOG_ERROR 0u
#define WEFT_LOG_WARNING 1u
#define WEFT_LOG_INFO 2u
#define WEFT_LOG_DEBUG 3u
typedef struct weft_services { /* outlives every object of the plugin */
  uint32_t size, abi_minor;
  void* ctx;
  void (*log)(void* ctx, uint32_t level, const char* text); /* 0 error, 1 warning, 2 information, 3 debug */
  uint64_t (*now_ns)(void* ctx);
  /* Names without blocking: `done` comes from inside group_poll's caller, before the next group_poll. Exactly once, unless
   * cancelled. error: 0 or a negative errno; sockaddr: one or more, packed, each as long as its family's struct, best first;
   * borrowed for the call. */
  int (*resolve)(void* ctx, weft_group*, const char* host, const char* service, void* user,
                 void (*done)(void* user, int32_t error, const void* sockaddr, uint32_t len));
  void (*resolve_cancel)(void* ctx, weft_group*, void* user);
} weft_services;

#define WEFT_ROLE_HOST 1u
#define WEFT_ROLE_CONTROLLER 2u
#define WEFT_DIR_OUT (1u << 0)       /* send_command: iov goes to the controller */
#define WEFT_DIR_IN (1u << 1)        /* send_command: iov is filled by the controller */
#define WEFT_ALLOW_IMPLIED (1u << 2) /* send_data: flow control is off, status and result are 0: may fold */
#define WEFT_CLOSE_FLUSH (1u << 0)   /* close: what is queued goes first, until the deadline */
#define WEFT_ACCESS_REMOTE_READ (1u << 0)
#define WEFT_ACCESS_REMOTE_WRITE (1u << 1)
#define WEFT_REJECT_RESOURCES 1u
#define WEFT_REJECT_PARAMETERS 2u
#define WEFT_REJECT_NOT_ALLOWED 3u

typedef struct weft_transport {
  uint32_t size, abi_minor;
  const char *name, *version;      /* name: the scheme, [a-z][a-z0-9]{0,30} */
  const weft_option_info* options; /* ends with key NULL */
  uint32_t roles;                  /* WEFT_ROLE_* */
  int32_t priority;                /* higher is tried first among equals */
  uint8_t trtype, reserved[7];
  /* Set: the address is host:port, the core splits it, and these are the defaults. NULL: traddr is the whole address in
   * the transport's own form. */
  const char *default_trsvcid, *discovery_trsvcid;

  /* 0: mine. -ENOTSUP with a sentence: try the next one. Pure: opens nothing. */
  int (*claim)(const weft_address*, uint32_t role, weft_error*);
  /* Options: what is declared, as the defaults of every address, and what only the whole transport can have. */
  int (*domain_open)(const weft_services*, const weft_option*, uint32_t, weft_domain**, weft_error*);
  void (*domain_close)(weft_domain*);
  int (*region_register)(weft_domain*, void*, uint64_t, uint32_t access, weft_region**, weft_error*);
  void (*region_release)(weft_region*);

  int (*group_open)(weft_domain*, weft_group**, weft_error*);
  int (*group_poll)(weft_group*, uint32_t budget); /* events, or -errno */
  void (*group_flush)(weft_group*);
  int (*group_arm)(weft_group*, int* fd, uint64_t* deadline_ns); /* -EAGAIN: poll again first */
  void (*group_close)(weft_group*);
  void (*group_stats)(const weft_group*, weft_stats*);

  int (*connect)(weft_group*, const weft_address*, const weft_qpair_params*, const weft_qpair_events*, void* ctx,
                 weft_qpair**, weft_error*);
  void (*close)(weft_qpair*, uint32_t flags, uint64_t deadline_ns); /* also cancels a connect; ends in on_closed */
  void (*qpair_info)(const weft_qpair*, weft_qpair_info*);
  void (*qpair_stats)(const weft_qpair*, weft_stats*);
  /* The plugin writes PSDT and SGL1 into its copy of sqe; the core leaves them zero. */
  int (*send_command)(weft_qpair*, const void* sqe, const weft_iov*, uint32_t iovcnt, uint32_t flags);

  int (*listen)(weft_group*, const weft_address*, const weft_listener_events*, void* ctx, weft_listener**, weft_error*);
  void (*unlisten)(weft_listener*);
  void (*listener_info)(const weft_listener*, weft_listener_info*);
  int (*accept)(weft_group*, weft_pending*, const weft_qpair_params*, const weft_qpair_events*, void* ctx, weft_qpair**,
                weft_error*);
  void (*reject)(weft_pending*, uint32_t reason);
  /* After Connect, before its response: the real depth, flow control, in-capsule size. */
  int (*configure)(weft_qpair*, const weft_qpair_params*, weft_error*);
  int (*receive_data)(weft_qpair*, uint64_t token, uint64_t offset, const weft_iov*, uint32_t iovcnt, uint64_t cookie,
                      uint32_t flags);
  int (*send_data)(weft_qpair*, uint64_t token, uint64_t offset, const weft_iov*, uint32_t iovcnt,
                   const void* final_cqe, uint64_t cookie, uint32_t flags);
  int (*send_response)(weft_qpair*, uint64_t token, const void* cqe, uint32_t flags);
  void (*cancel_data)(weft_qpair*, uint64_t token);    /* each on_data still comes, -ECANCELED or done */
  int (*release_command)(weft_qpair*, uint64_t token); /* -EBUSY while data is outstanding */
} weft_transport;

typedef const weft_transport* (*weft_entry_fn)(void);
#ifdef __cplusplus
}
#endif
#endif
