// coroutine_host URL: reads a namespace's first blocks, one after the other, in a coroutine on one thread.
//
//   coroutine_host tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo
#include <cstdio>
#include <vector>

#include "weft/coroutine.hpp"
#include "weft/log.hpp"

namespace {

weft::Task<weft::Status> read_blocks(weft::Host& host) {
  const auto ns = co_await weft::identify_namespace(host, 1);
  if (!ns) co_return ns.error();
  std::vector<std::byte> block(ns->block_size);
  const weft_iov iov{block.data(), block.size(), nullptr};
  weft::IoRequest request;
  request.nsid = ns->nsid;
  request.block_size = ns->block_size;
  request.blocks = 1;
  request.iov = &iov;
  request.iov_count = 1;
  for (; request.lba < 8 && request.lba < ns->blocks; ++request.lba) {
    const weft::Completion read = co_await weft::submit(host, request);
    if (!read.ok()) co_return weft::completion_error(read, "read");
    std::printf("block %u begins with %02x\n", static_cast<unsigned>(request.lba), std::to_integer<unsigned>(block[0]));
  }
  co_return weft::Status();
}

weft::Detached run(weft::Reactor& reactor, weft::TransportRegistry& registry, weft::Address address,
                   weft::HostOptions options, weft::Status& result) {
  auto host = co_await weft::connect(reactor, registry, address, options);
  result = host ? co_await read_blocks(**host) : weft::Status(host.error());
  if (host) (void)co_await weft::close(**host);
  reactor.stop();
}

}  // namespace

int main(int argc, char** argv) {
  weft::TransportRegistry registry;  // outlives what is opened through it
  auto reactor = weft::Reactor::create();
  auto address = weft::Address::parse(argc > 1 ? argv[1] : "");
  weft::Status result;
  if (!reactor || !address) {
    result = !reactor ? reactor.error() : address.error();
  } else if (auto options = weft::take_host_options(*address); !options) {
    result = options.error();
  } else {
    run(**reactor, registry, *address, *options, result);
    (*reactor)->run();
  }
  if (!result) std::fprintf(stderr, "coroutine_host: %s\n", weft::terminal_text(result.error().text).c_str());
  return result ? 0 : 1;
}
