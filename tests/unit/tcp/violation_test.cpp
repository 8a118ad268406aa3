#include "plugins/tcp/violation.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace weft::tcp {
namespace {

TEST(Violation, IsExplainedInWords) {
  EXPECT_EQ(explain(violates(rules::kR2tOutOfRange, PduType::kR2t, 8192, 12288, 4096), Role::kHost),
            "the controller sent an R2T for bytes 8192..12288 of a 4096-byte command");
  EXPECT_EQ(explain(violates(rules::kH2cUnknownTag, PduType::kH2cData, 7), Role::kController),
            "the host sent an H2CData PDU for transfer tag 0x0007, which was never given");
  EXPECT_EQ(explain_term_req(3, 0x1234, Role::kHost),
            "the controller ended the connection: header digest error (FES 3, FEI 0x1234)");
}

TEST(Violation, OfTheR2tLimitIsNamedByWhoFoundIt) {
  EXPECT_NE(explain_term_req(5, 0, Role::kController).find("R2T limit exceeded"), std::string::npos);
  EXPECT_NE(explain_term_req(5, 0, Role::kHost).find("data transfer limit exceeded"), std::string::npos);
  EXPECT_NE(explain_term_req(99, 0, Role::kHost).find("unknown reason (FES 99"), std::string::npos);
}

TEST(Violation, HasANameAndASentenceOfItsOwnForEveryRule) {
  std::set<std::string> names;
  std::set<std::string> sentences;
  for (const Rule* rule : all_rules()) {
    EXPECT_TRUE(names.insert(rule->name).second) << rule->name;
    const Violation bad = violates(*rule, PduType::kH2cData, 1, 2, 3);
    for (Role role : {Role::kHost, Role::kController}) {
      const std::string text = explain(bad, role);
      EXPECT_TRUE(sentences.insert(text).second) << text;
      EXPECT_LT(text.size(), 224u) << "does not fit into weft_error.text: " << text;
      EXPECT_EQ(text.find('{'), std::string::npos) << text;
    }
  }
  EXPECT_EQ(names.size(), 48u);
}

TEST(Violation, CarriesFesAndFeiAsDetail) {
  EXPECT_EQ(violates(rules::kC2hLength, PduType::kC2hData).detail(), 0x00010010u);
  EXPECT_FALSE(Violation{});
  EXPECT_EQ(explain(Violation{}, Role::kHost), "no violation");
}

}  // namespace
}  // namespace weft::tcp
