// Prints the version and each transport that is found, with the file it came from.
#include <cstdio>
#include <weft/transport.hpp>
#include <weft/version.hpp>

int main() {
  std::printf("weft %s\n", weft::version());
  weft::TransportRegistry registry;
  registry.load_all();
  for (const weft::Transport* transport : registry.transports()) {
    std::printf("%s from %s\n", std::string(transport->name()).c_str(), transport->origin().c_str());
  }
}
