// progress.hpp - a line on standard error that says how far a long job has come, when that is a terminal.
//
//   Progress progress(program, "reading", total_bytes);
//   progress.update(done_bytes);        // cheap: draws at most ten times a second
// One thread. The destructor clears the line.
#ifndef WEFT_TOOLS_PROGRESS_HPP
#define WEFT_TOOLS_PROGRESS_HPP

#include <chrono>
#include <cstdint>
#include <string>

#include "program.hpp"

namespace weft::tools {

class Progress {
 public:
  // total 0: not known (standard input): no bar, only how much.
  Progress(const Program& program, std::string label, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::uint64_t done);                        // bytes
  void show(double fraction, const std::string& detail);  // for what is not counted in bytes
  [[nodiscard]] bool visible() const { return visible_; }

 private:
  void draw(double fraction, const std::string& detail);

  const std::string label_;
  const std::uint64_t total_;
  const bool visible_;
  bool drawn_ = false;
  const std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace weft::tools

#endif
