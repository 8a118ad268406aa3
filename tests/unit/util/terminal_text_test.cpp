// Text of others, as it is printed.
#include <gtest/gtest.h>

#include "weft/log.hpp"

namespace weft {
namespace {

TEST(TerminalText, LeavesWhatIsPrintable) {
  for (const char* text : {"", "nqn.2026-01.org.example:disk", "Größe 雪 \U0001F40C", " a\\b "})
    EXPECT_EQ(terminal_text(text), text);
}

TEST(TerminalText, EscapesWhatATerminalActsUpon) {
  EXPECT_EQ(terminal_text("a\x1b[2Jb\r\n\x7f"), "a\\x1b[2Jb\\x0d\\x0a\\x7f");
  EXPECT_EQ(terminal_text("\xc2\x9b"
                          "31m"),
            "\\xc2\\x9b31m")
      << "CSI as one character";
  EXPECT_EQ(terminal_text("\xe2\x80\xae"
                          "abc"),
            "\\xe2\\x80\\xae"
            "abc")
      << "turns letters round";
  EXPECT_EQ(terminal_text(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(TerminalText, LeavesTheLineFeedsOfLines) {
  EXPECT_EQ(terminal_lines("one\x1b\ntwo\r\n\nend"), "one\\x1b\ntwo\\x0d\n\nend");
  EXPECT_EQ(terminal_lines("\n"), "\n");
  EXPECT_EQ(terminal_lines(""), "");
}

TEST(TerminalText, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(terminal_text("\x9b"
                          "31m"),
            "\\x9b31m")
      << "CSI as one byte";
  EXPECT_EQ(terminal_text("\xc3"), "\\xc3") << "cut short";
  EXPECT_EQ(terminal_text("\xc0\x9b"), "\\xc0\\x9b") << "longer than it has to be";
  EXPECT_EQ(terminal_text("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
  EXPECT_EQ(terminal_text("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond the last character";
}

}  // namespace
}  // namespace weft
