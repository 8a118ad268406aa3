// namespace_changes URL NQN HOSTNQN: a target whose namespaces change as standard input says, a line each:
//
//   add NSID BACKEND | remove NSID | resize NSID BLOCKS | end
//
// Prints `listening`, then `done` or a sentence for each line. Ends with `end` or the end of its input.
#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>

#include "weft/controller.hpp"

namespace {

weft::Status add(weft::Target& target, const std::string& nqn, std::uint32_t nsid, const std::string& backend) {
  auto opened = weft::BackendRegistry::builtin().open(backend);
  if (!opened) return std::move(opened).error();
  weft::NamespaceOptions options;
  options.nsid = nsid;
  options.backend = std::move(*opened);
  auto added = target.add_namespace(nqn, std::move(options));
  if (!added) return std::move(added).error();
  return {};
}

weft::Status change(weft::Target& target, const std::string& nqn, const std::string& line) {
  std::istringstream words(line);
  std::string what;
  std::uint32_t nsid = 0;
  words >> what >> nsid;
  if (what == "remove") return target.remove_namespace(nqn, nsid);
  if (what == "add") {
    std::string backend;
    words >> backend;
    return add(target, nqn, nsid, backend);
  }
  if (what == "resize") {
    std::uint64_t blocks = 0;
    words >> blocks;
    return target.resize_namespace(nqn, nsid, blocks);
  }
  return weft::Error(EINVAL, "not understood: " + line);
}

weft::Status serve(weft::TransportRegistry& registry, char** argv) {
  const std::string nqn = argv[2];
  auto address = weft::Address::parse(argv[1]);
  if (!address) return std::move(address).error();
  auto target = weft::Target::start(registry);
  if (!target) return std::move(target).error();
  weft::SubsystemOptions subsystem;
  subsystem.nqn = nqn;
  subsystem.allow_hosts = {argv[3]};
  if (auto s = (*target)->add_subsystem(subsystem); !s) return s;
  auto bound = (*target)->listen(*address);
  if (!bound) return std::move(bound).error();
  std::cout << "listening" << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "end";) {
    const weft::Status changed = change(**target, nqn, line);
    std::cout << (changed ? "done" : changed.error().text) << std::endl;
  }
  (*target)->stop(weft::monotonic_now() + 5'000'000'000);
  std::cout << "done" << std::endl;
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: namespace_changes URL NQN HOSTNQN\n";
    return 2;
  }
  weft::TransportRegistry registry;
  const weft::Status served = serve(registry, argv);
  if (!served) std::cerr << served.error().text << '\n';
  return served ? 0 : 1;
}
