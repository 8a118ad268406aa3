// outcomes.hpp - what a fuzzer's run must have reached, by name. A run that never reached one of them has tested less than it
// says, and fails.
//
//   enum : std::size_t { kConnected, kRefused };
//   Outcomes outcomes({"a Connect that is accepted", "a Connect that is refused"});    // one a program, a global
//   LLVMFuzzerInitialize: outcomes.judge_at_exit(argc, argv);      ...      outcomes.reached(kConnected);
//
// A run of one input, from a file, is not judged. One thread.
#ifndef WEFT_TESTS_FUZZ_SUPPORT_OUTCOMES_HPP
#define WEFT_TESTS_FUZZ_SUPPORT_OUTCOMES_HPP

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace weft::fuzz {

class Outcomes {
 public:
  explicit Outcomes(std::vector<const char*> names) : names_(std::move(names)), counts_(names_.size()) {}

  void reached(std::size_t which) { ++counts_.at(which); }

  int judge_at_exit(const int* argc, char*** argv) {
    one_input_ = *argc > 1 && (*argv)[1][0] != '-';
    judged() = this;
    return std::atexit([] { judged()->judge(); });
  }

 private:
  static Outcomes*& judged() {
    static Outcomes* one = nullptr;
    return one;
  }

  void judge() const {
    bool all = true;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      std::fprintf(stderr, "%10lu  %s\n", counts_[i], names_[i]);
      all = all && counts_[i] != 0;
    }
    if (all || one_input_) return;
    std::fputs("something that this fuzzer is to reach was never reached\n", stderr);
    std::_Exit(1);
  }

  std::vector<const char*> names_;
  std::vector<unsigned long> counts_;
  bool one_input_ = false;
};

// A promise of the code under test.
inline void require(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace weft::fuzz

#endif
