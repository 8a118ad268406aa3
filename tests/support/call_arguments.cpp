#include "call_arguments.hpp"

namespace weft::test {

Where::Where(int fd, std::string host, std::string service, Options options)
    : host_(std::move(host)), service_(std::move(service)), options_(std::move(options)) {
  for (const auto& [key, value] : options_) raw_.push_back({key.c_str(), value.c_str()});
  address_.size = sizeof address_;
  address_.fd = fd;
  address_.options = raw_.data();
  address_.option_count = static_cast<std::uint32_t>(raw_.size());
  if (fd >= 0) return;
  address_.traddr = host_.c_str();
  address_.trsvcid = service_.c_str();
}

Where& Where::from(std::string source) {
  source_ = std::move(source);
  address_.source_traddr = source_.c_str();
  return *this;
}

weft_qpair_params params(std::uint32_t depth, bool admin, std::uint32_t in_capsule, std::uint16_t descriptors) {
  weft_qpair_params made{};
  made.size = sizeof made;
  made.flags = admin ? WEFT_QP_ADMIN : 0;
  made.depth = depth;
  made.qid = admin ? 0 : 1;
  made.cntlid = admin ? 0 : 1;
  made.in_capsule = in_capsule;
  made.max_descriptors = descriptors;
  return made;
}

}  // namespace weft::test
