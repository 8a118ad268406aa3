// The watch knows which memory belongs to a command that is under way.
#include "joined.hpp"
#include "support/rdma_model/capsule_watch.hpp"

namespace weft::rdma::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint8_t kWriteOpcode = 1, kReadOpcode = 2;

struct WatchTest : testing::Test {
  WatchTest() {
    joined.fabric.observer = &watch;
    joined.connect();
  }
  void command(const Bytes& capsule) {
    joined.h.send(capsule);
    joined.run_until([&] { return !joined.c.received.empty(); });
  }
  void write(std::uint64_t offset, std::size_t length) {
    joined.c.write(Bytes(length), joined.h.address() + offset, joined.h.rkey());
    joined.settle();
  }
  const std::vector<std::string>& faults() { return joined.controller.record.faults(); }
  CapsuleWatch watch;
  Joined joined;
};

TEST_F(WatchTest, DataOfACommandUnderWayIsRight) {
  command(keyed_sqe(kReadOpcode, 1, joined.h.address() + 512, 1024, joined.h.rkey()));
  write(512, 1024);
  joined.c.send(make_cqe(1));
  joined.settle();
  EXPECT_THAT(faults(), IsEmpty());
  EXPECT_EQ(watch.under_way(), 0u);
}

TEST_F(WatchTest, DataAfterTheResponseIsAFault) {
  command(keyed_sqe(kReadOpcode, 1, joined.h.address(), 1024, joined.h.rkey()));
  joined.c.send(make_cqe(1));
  write(0, 1024);
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("no command under way has given")));
}

TEST_F(WatchTest, DataBeyondTheDescriptorIsAFault) {
  command(keyed_sqe(kReadOpcode, 1, joined.h.address(), 1024, joined.h.rkey()));
  write(1, 1024);
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("no command under way has given")));
}

TEST_F(WatchTest, DataInTheWrongDirectionIsAFault) {
  command(keyed_sqe(kWriteOpcode, 1, joined.h.address(), 1024, joined.h.rkey()));
  write(0, 1024);
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("no command under way has given")));
}

TEST_F(WatchTest, ListsOfDescriptorsAreRead) {
  Bytes capsule = make_sqe(kReadOpcode, 1);
  put_offset(capsule.data() + 24, 0, 32, kLastSegment);
  capsule.resize(kSqeSize + 32);
  put_keyed(capsule.data() + kSqeSize, joined.h.address(), 512, joined.h.rkey());
  put_keyed(capsule.data() + kSqeSize + 16, joined.h.address() + 4096, 512, joined.h.rkey(), kKeyedInvalidate);
  command(capsule);
  write(0, 512);
  write(4096, 512);
  EXPECT_THAT(faults(), IsEmpty());
  EXPECT_EQ(watch.lists, 1u);
  EXPECT_EQ(watch.invalidatable, 1u);
}

TEST_F(WatchTest, AResponseToNoCommandIsAFault) {
  joined.c.send(make_cqe(9));
  joined.settle();
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("CID 9")));
}

}  // namespace
}  // namespace weft::rdma::model
