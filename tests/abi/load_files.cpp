// load_files FILE...: loads each as a plugin, opens its domain, and says what came of it. Exit status 1 if any is refused.
#include <fmt/format.h>

#include "weft/transport.hpp"

int main(int argc, char** argv) {
  int refused = 0;
  const weft_services services{};
  for (int i = 1; i < argc; ++i) {
    const std::string file = argv[i];
    weft::TransportRegistry registry(weft::SearchPath{{file.substr(0, file.rfind('/'))}});
    registry.load_all();
    for (const weft::Candidate& candidate : registry.candidates()) {
      if (candidate.path != file) continue;
      if (!candidate.accepted) ++refused;
      fmt::print("{}: {}\n", file, candidate.accepted ? "loaded" : candidate.reason);
    }
    for (weft::Transport* transport : registry.transports()) {
      if (transport->origin() != file) continue;
      const weft::Result<weft_domain*> domain = transport->domain(services);
      fmt::print("  domain: {}\n", domain ? "opened" : domain.error().text);
    }
  }
  return refused == 0 && argc > 1 ? 0 : 1;
}
