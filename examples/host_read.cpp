// host_read URL [NSID [LBA]]: connects to a controller, reads one block of a namespace, and prints it.
//
//   host_read tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo 1 0
//
// Transports are found where the installed library has them, or in the folders of WEFT_PLUGIN_PATH.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "weft/blocking.hpp"
#include "weft/log.hpp"

namespace {

int fail(const char* what, const weft::Error& error) {
  std::fprintf(stderr, "host_read: %s: %s%s%s\n", what, error.stage.c_str(), error.stage.empty() ? "" : ": ",
               weft::terminal_text(error.text).c_str());
  return 1;
}

void print(const std::vector<std::byte>& block) {
  for (std::size_t i = 0; i < block.size(); i += 16) {
    std::printf("%06zx ", i);
    for (std::size_t j = i; j < i + 16; ++j) std::printf(" %02x", std::to_integer<unsigned>(block[j]));
    std::printf("  ");
    for (std::size_t j = i; j < i + 16; ++j) {
      const char c = std::to_integer<char>(block[j]);
      std::putchar(c >= ' ' && c <= '~' ? c : '.');
    }
    std::putchar('\n');
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: host_read URL [NSID [LBA]]\n");
    return 2;
  }
  const auto nsid = weft::parse_count(argc > 2 ? argv[2] : "1", 1, 0xfffffffe);
  if (!nsid) return fail("NSID", nsid.error());
  const auto lba = weft::parse_count(argc > 3 ? argv[3] : "0", 0, UINT64_MAX);
  if (!lba) return fail("LBA", lba.error());

  weft::TransportRegistry registry;  // outlives what is opened through it
  auto host = weft::BlockingHost::connect(registry, argv[1]);
  if (!host) return fail("cannot connect", host.error());
  const auto ns = (*host)->identify_namespace(static_cast<std::uint32_t>(*nsid));
  if (!ns) return fail("cannot identify the namespace", ns.error());
  std::printf("namespace %u: %llu blocks of %u bytes\n", ns->nsid, static_cast<unsigned long long>(ns->blocks),
              ns->block_size);

  std::vector<std::byte> block(ns->block_size);
  if (const auto read = (*host)->read(*ns, *lba, block); !read) return fail("cannot read", read.error());
  print(block);
  return 0;
}
