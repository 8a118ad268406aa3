// doubtful_nqn.hpp - names that can be carried, and yet are likely mistakes: "nqm.2014-08...", "NQN.2014-08...", a blank at
// the end. Such names are used as they are, with a warning, because other tools use names of any form.
//
// Any thread. Errors: none.
#ifndef WEFT_CORE_WIRE_DOUBTFUL_NQN_HPP
#define WEFT_CORE_WIRE_DOUBTFUL_NQN_HPP

#include <string_view>

namespace weft::wire {

// What is odd about a usable name, as the end of a sentence: "starts or ends with a blank". "": nothing.
[[nodiscard]] std::string_view doubt_about_nqn(std::string_view nqn);

// Logs a warning for a doubtful name, once for each name while the process lives. `what`: "the host NQN". For names that
// people choose here, not for those that a peer sends.
void warn_of_doubtful_nqn(std::string_view nqn, std::string_view what);

}  // namespace weft::wire

#endif
