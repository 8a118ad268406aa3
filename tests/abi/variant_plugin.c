/*
 * variant_plugin.c - one plugin that is right, and with a -DVARIANT_... each one that is wrong in one way. C99.
 * Its operations do nothing: only loading is tested with it.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "weft/transport_abi.h"

#ifndef VARIANT_NAME
#define VARIANT_NAME "variant"
#endif
#ifndef VARIANT_PRIORITY
#define VARIANT_PRIORITY 0
#endif

/* Words that would do something to a terminal: a line of their own, ESC, CSI in both its forms, a bidi override, no UTF-8. */
#define EVIL                 \
  "\nweft: b\x1b[2J\xc2\x9b" \
  "31m\x9b"                  \
  "c\xe2\x80\xae\xff"

#ifdef VARIANT_CONSTRUCTOR /* tells the test that code of this file ran */
__attribute__((constructor)) static void run_before_anything(void) { setenv("WEFT_TEST_CONSTRUCTOR_RAN", "yes", 1); }
#endif

#ifdef VARIANT_LACKS_DEPENDENCY
int weft_test_dependency(void);
#endif
#ifdef VARIANT_LACKS_SYMBOL
int weft_test_symbol_of_nobody(void);
#endif

static int domain_open(const weft_services* services, const weft_option* options, uint32_t count, weft_domain** out,
                       weft_error* error) {
  (void)services, (void)options, (void)count, (void)out;
  error->code = -ENODEV;
#ifdef VARIANT_EVIL_WORDS
  strcpy(error->text, "no device" EVIL);
#else
  strcpy(error->text, "there is no device");
#endif
#ifdef VARIANT_LACKS_DEPENDENCY
  return weft_test_dependency();
#elif defined(VARIANT_LACKS_SYMBOL)
  return weft_test_symbol_of_nobody();
#else
  return -ENODEV;
#endif
}
static void domain_close(weft_domain* domain) { (void)domain; }
static int group_open(weft_domain* domain, weft_group** out, weft_error* error) {
  (void)domain, (void)out, (void)error;
  return -ENODEV;
}
static int group_poll(weft_group* group, uint32_t budget) {
  (void)group, (void)budget;
  return 0;
}
static void group_flush(weft_group* group) { (void)group; }
static int group_arm(weft_group* group, int* fd, uint64_t* deadline) {
  (void)group, (void)fd, (void)deadline;
  return 0;
}
static void group_close(weft_group* group) { (void)group; }
static void group_stats(const weft_group* group, weft_stats* out) { (void)group, (void)out; }
static int connect_to(weft_group* group, const weft_address* address, const weft_qpair_params* params,
                      const weft_qpair_events* events, void* ctx, weft_qpair** out, weft_error* error) {
  (void)group, (void)address, (void)params, (void)events, (void)ctx, (void)out, (void)error;
  return -ENODEV;
}
static void close_qpair(weft_qpair* qpair, uint32_t flags, uint64_t deadline) {
  (void)qpair, (void)flags, (void)deadline;
}
static void qpair_info(const weft_qpair* qpair, weft_qpair_info* out) { (void)qpair, (void)out; }
static void qpair_stats(const weft_qpair* qpair, weft_stats* out) { (void)qpair, (void)out; }
static int send_command(weft_qpair* qpair, const void* sqe, const weft_iov* iov, uint32_t count, uint32_t flags) {
  (void)qpair, (void)sqe, (void)iov, (void)count, (void)flags;
  return -ENOTCONN;
}
#ifdef VARIANT_HALF_A_CONTROLLER
static void unlisten(weft_listener* listener) { (void)listener; }
#endif
#ifdef VARIANT_DECLINES
static int claim(const weft_address* address, uint32_t role, weft_error* error) {
  (void)address, (void)role;
  strcpy(error->text, "that address is not on my device");
  return -ENOTSUP;
}
#endif
#ifdef VARIANT_CLAIM_FAILS
static int claim(const weft_address* address, uint32_t role, weft_error* error) {
  (void)address, (void)role;
  strcpy(error->text, "the address has no slot number");
  return -EINVAL;
}
#endif

#ifdef VARIANT_EVIL_WORDS
static const weft_option_info options[] = {{"colour", "red|bl" EVIL, "red" EVIL, "option" EVIL},
                                           {NULL, NULL, NULL, NULL}};
#else
static const weft_option_info options[] = {{"colour", "red|blue", "red", "of the cable"}, {NULL, NULL, NULL, NULL}};
#endif

#ifdef VARIANT_NEWER /* what a later minor version may look like */
typedef struct newer_transport {
  weft_transport known;
  int (*operation_of_tomorrow)(weft_qpair*);
} newer_transport;
static int operation_of_tomorrow(weft_qpair* qpair) {
  (void)qpair;
  return 0;
}
#define TABLE table.known
static newer_transport table;
#else
#define TABLE table
static weft_transport table;
#endif

static void fill(void) {
  TABLE.size = sizeof table;
  TABLE.abi_minor = WEFT_ABI_MINOR;
  TABLE.name = VARIANT_NAME;
  TABLE.version = "1.2.3";
  TABLE.options = options;
  TABLE.roles = WEFT_ROLE_HOST;
  TABLE.priority = VARIANT_PRIORITY;
  TABLE.domain_open = domain_open;
  TABLE.domain_close = domain_close;
  TABLE.group_open = group_open;
  TABLE.group_poll = group_poll;
  TABLE.group_flush = group_flush;
  TABLE.group_arm = group_arm;
  TABLE.group_close = group_close;
  TABLE.group_stats = group_stats;
  TABLE.connect = connect_to;
  TABLE.close = close_qpair;
  TABLE.qpair_info = qpair_info;
  TABLE.qpair_stats = qpair_stats;
  TABLE.send_command = send_command;
#if defined(VARIANT_DECLINES) || defined(VARIANT_CLAIM_FAILS)
  TABLE.claim = claim;
#endif
#ifdef VARIANT_NEWER
  TABLE.abi_minor = WEFT_ABI_MINOR + 1;
  table.operation_of_tomorrow = operation_of_tomorrow;
#endif
#ifdef VARIANT_EVIL_WORDS
  TABLE.version = "1" EVIL;
  TABLE.default_trsvcid = TABLE.discovery_trsvcid = "1" EVIL;
#endif
#ifdef VARIANT_TOO_SMALL
  TABLE.size = 96;
#endif
#ifdef VARIANT_HALF_A_TABLE
  TABLE.group_arm = NULL;
#endif
#ifdef VARIANT_HALF_A_CONTROLLER
  TABLE.roles |= WEFT_ROLE_CONTROLLER;
  TABLE.unlisten = unlisten;
#endif
#ifdef VARIANT_RESERVED
  TABLE.reserved[2] = 7;
#endif
}

#ifdef VARIANT_OTHER_ABI
#define ENTRY weft_transport_v2
#elif defined(VARIANT_NO_ENTRY)
#define ENTRY somebody_elses_entry
#else
#define ENTRY weft_transport_v1
#endif

const weft_transport* ENTRY(void);
__attribute__((visibility("default"))) const weft_transport* ENTRY(void) {
  fill();
#ifdef VARIANT_NO_TABLE
  return NULL;
#else
  return (const weft_transport*)&table;
#endif
}
