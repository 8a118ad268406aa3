// The wildcard address on a machine without IPv6: a child whose calls of socket(AF_INET6) are refused.
#include <cstddef>
#include <cstdlib>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.hpp"

namespace weft::test {
namespace {

bool refuse_ipv6() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof code / sizeof *code, code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum Outcome : int { kServed, kNoFilter, kStillThere, kNotServed, kServedIpv6 };

int without_ipv6() {
  if (!refuse_ipv6()) return kNoFilter;
  if (::socket(AF_INET6, SOCK_STREAM, 0) >= 0) return kStillThere;
  World world;
  const Server any(world, Where("*", "0"), params(8, true));
  const Server six(world, Where("::", "0"), params(8, true));
  if (any.rc != 0) return kNotServed;
  return six.rc == 0 ? kServedIpv6 : kServed;
}

TEST(Wildcard, StandsForIpv4WhereThereIsNoIpv6) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(without_ipv6());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  ASSERT_NE(WEXITSTATUS(status), kNoFilter) << "seccomp filters are not allowed here";
  EXPECT_EQ(WEXITSTATUS(status), kServed);
}

}  // namespace
}  // namespace weft::test
