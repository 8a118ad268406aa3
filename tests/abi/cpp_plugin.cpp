// cpp_plugin.cpp - a plugin whose author writes C++ and includes half the standard library. Compiled by each compiler and C++
// runtime that there is, against the header alone; what crosses the boundary is C.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weft/transport_abi.h"

namespace {

// Things that differ between runtimes, used inside.
std::string said(int rc) { return std::map<int, std::string>{{-ENODEV, "this device is made of strings"}}.at(rc); }

int domain_open(const weft_services*, const weft_option*, std::uint32_t, weft_domain**, weft_error* error) {
  try {
    const auto text = std::make_unique<std::vector<char>>();
    const std::string sentence = said(-ENODEV);
    text->assign(sentence.begin(), sentence.end());
    text->push_back('\0');
    std::copy(text->begin(), text->end(), error->text);
    throw std::string("stays inside");
  } catch (const std::string&) {
    return -ENODEV;
  }
}

weft_transport make() {
  weft_transport table{};
  table.size = sizeof table;
  table.abi_minor = WEFT_ABI_MINOR;
  table.name = "cpp";
  table.version = "1";
  table.roles = WEFT_ROLE_HOST;
  table.domain_open = domain_open;
  table.domain_close = [](weft_domain*) {};
  table.group_open = [](weft_domain*, weft_group**, weft_error*) { return -ENODEV; };
  table.group_poll = [](weft_group*, std::uint32_t) { return 0; };
  table.group_flush = [](weft_group*) {};
  table.group_arm = [](weft_group*, int*, std::uint64_t*) { return 0; };
  table.group_close = [](weft_group*) {};
  table.group_stats = [](const weft_group*, weft_stats*) {};
  table.connect = [](weft_group*, const weft_address*, const weft_qpair_params*, const weft_qpair_events*, void*,
                     weft_qpair**, weft_error*) { return -ENODEV; };
  table.close = [](weft_qpair*, std::uint32_t, std::uint64_t) {};
  table.qpair_info = [](const weft_qpair*, weft_qpair_info*) {};
  table.qpair_stats = [](const weft_qpair*, weft_stats*) {};
  table.send_command = [](weft_qpair*, const void*, const weft_iov*, std::uint32_t, std::uint32_t) {
    return -ENOTCONN;
  };
  return table;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const weft_transport* weft_transport_v1() {
  static const weft_transport table = make();
  return &table;
}
