#include "progress.hpp"

#include <unistd.h>

#include <algorithm>

#include "output.hpp"

namespace weft::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetween = std::chrono::milliseconds(100);
constexpr std::size_t kWidth = 30;

}  // namespace

Progress::Progress(const Program& program, std::string label, std::uint64_t total)
    : label_(std::move(label)),
      total_(total),
      visible_(!program.json && isatty(STDERR_FILENO) == 1),
      started_(Clock::now()),
      next_(started_ + kBetween) {}

Progress::~Progress() {
  if (drawn_) redraw("");
}

void Progress::update(std::uint64_t done) {
  if (!visible_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kBetween;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const auto per_second = static_cast<std::uint64_t>(static_cast<double>(done) / seconds);
  const std::string rate = fmt::format("{}, {}/s", human_size(done), human_size(per_second));
  draw(total_ == 0 ? -1 : static_cast<double>(done) / static_cast<double>(total_), rate);
}

void Progress::show(double fraction, const std::string& detail) {
  if (visible_) draw(fraction, detail);
}

void Progress::draw(double fraction, const std::string& detail) {
  drawn_ = true;
  if (fraction < 0) {
    redraw(label_ + ' ' + detail);
    return;
  }
  const double within = std::clamp(fraction, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(within * kWidth);
  redraw(fmt::format("{} [{}{}] {:3.0f} %  {}", label_, std::string(full, '#'), std::string(kWidth - full, '.'),
                     within * 100, detail));
}

}  // namespace weft::tools
