// The TOML file of `weft serve`: what is read from it, and the line of whatever is wrong with it.
#include "tools/weft/serve_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace weft::tools {
namespace {

using testing::HasSubstr;

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    const int fd = mkstemp(path_);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  ~TemporaryFile() { unlink(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/weft_config.XXXXXX";
};

std::string refusal(std::string_view text) {
  const TemporaryFile file(text);
  const Result<ServeConfig> config = read_serve_config(file.path());
  if (config) return "accepted";
  const std::string& sentence = config.error().text;
  EXPECT_EQ(sentence.rfind(file.path(), 0), 0u) << sentence;
  return sentence.substr(file.path().size());
}

TEST(ServeConfig, ReadsEverythingThatCanBeSaid) {
  const TemporaryFile file(R"(
threads = 3
cntlid = "1-999"
wait = "poll"
[limits]
max_queue_size = 256
max_io_queues = 16
in_capsule = "16k"
max_transfer = 262144
data_memory = "1G"
connect_timeout = "5s"
linger = 60
[transport.tcp]
rxmem = "16M"
pda = 2
hdgst = false
[transport.other]
[[listener]]
url = "tcp://0.0.0.0:4420"
[[listener]]
url = "tcp://0.0.0.0:8009"
discovery_only = true
[[subsystem]]
nqn = "nqn.2026-01.org.example:a"
allow_hosts = ["nqn.2026-01.org.example:h1", "nqn.2026-01.org.example:h2"]
serial = "S1"
cntlid = "1000-1999"
model = "M"
[[subsystem.namespace]]
backend = "ram://?size=1G"
nsid = 7
uuid = "00112233-4455-6677-8899-aabbccddeeff"
[[subsystem.namespace]]
backend = "null://?size=1T"
[[subsystem]]
nqn = "nqn.2026-01.org.example:b"
allow_any_host = true
)");
  const Result<ServeConfig> config = read_serve_config(file.path());
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->target.threads, 3u);
  EXPECT_EQ(config->target.wait, WaitPolicy::kPoll);
  EXPECT_EQ(config->target.max_queue_size, 256u);
  EXPECT_EQ(config->target.in_capsule, 16384u);
  EXPECT_EQ(config->target.max_transfer, 262144u);
  EXPECT_EQ(config->target.data_memory, 1ull << 30);
  EXPECT_EQ(config->target.connect_timeout, 5'000'000'000u);
  EXPECT_EQ(config->target.linger, 60'000'000'000u);
  ASSERT_EQ(config->transports.size(), 2u);
  EXPECT_EQ(config->transports[0].name, "other");
  EXPECT_TRUE(config->transports[0].options.empty());
  EXPECT_EQ(config->transports[1].name, "tcp");
  EXPECT_EQ(config->transports[1].options, (std::vector<Option>{{"hdgst", "off"}, {"pda", "2"}, {"rxmem", "16M"}}));
  EXPECT_THAT(config->transports[1].where, HasSubstr(":13"));
  ASSERT_EQ(config->listeners.size(), 2u);
  EXPECT_TRUE(config->listeners[1].discovery_only);
  ASSERT_EQ(config->subsystems.size(), 2u);
  const SubsystemConfig& first = config->subsystems[0];
  EXPECT_EQ(first.options.allow_hosts.size(), 2u);
  EXPECT_EQ(first.options.serial, "S1");
  EXPECT_EQ(first.options.cntlids, (CntlidRange{1000, 1999}));
  EXPECT_FALSE(config->subsystems[1].options.cntlids);
  EXPECT_EQ(config->target.cntlids, (CntlidRange{1, 999}));
  ASSERT_EQ(first.namespaces.size(), 2u);
  EXPECT_EQ(first.namespaces[0].nsid, 7u);
  EXPECT_EQ((*first.namespaces[0].uuid)[15], 0xff);
  EXPECT_EQ(first.namespaces[1].nsid, 0u);
  EXPECT_THAT(first.namespaces[1].where, HasSubstr(":33"));
  EXPECT_TRUE(config->subsystems[1].has_rule());
}

TEST(ServeConfig, NamesAFileThatIsNotThere) {
  const Result<ServeConfig> config = read_serve_config("/nowhere/weft.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ENOENT);
  EXPECT_THAT(config.error().text, HasSubstr("cannot open '/nowhere/weft.toml'"));
}

struct Wrong {
  const char* text;
  const char* says;
};

TEST(ServeConfig, RefusesWhatIsWrongWithItsLine) {
  const Wrong table[] = {
      {"threads = \n", ":1: "},
      {"threads = 1\nthreads = 2\n", ":2: "},
      {"\nthreds = 2\n", ":2: there is no key 'threds' in the file; did you mean 'threads'?"},
      {"colour = 2\n", ":1: there is no key 'colour' in the file; known are threads, wait, cntlid"},
      {"threads = 0\n", ":1: 'threads' in the file is 0, which is not between 1 and 256"},
      {"threads = -1\n", ":1: 'threads' in the file is -1"},
      {"threads = \"two\"\n", ":1: 'threads' in the file has to be a whole number, not text"},
      {"threads = 1.5\n", "not a number with a fraction"},
      {"wait = \"spin\"\n", ":1: 'wait' in the file: 'spin' is no way to wait"},
      {"cntlid = 5\n", ":1: 'cntlid' in the file has to be text, not a whole number"},
      {"cntlid = \"5\"\n", ":1: 'cntlid' in the file: '5' is not a range of controller identifiers"},
      {"[[subsystem]]\nnqn = \"n\"\ncntlid = \"0-9\"\n", ":3: 'cntlid' in [[subsystem]]: '0-9' is not a range"},
      {"wait = true\n", ":1: 'wait' in the file has to be text, not true or false"},
      {"limits = 3\n", ":1: 'limits' in the file has to be a table"},
      {"transport = 3\n", ":1: 'transport' in the file has to be a table"},
      {"[transport]\ntcp = 3\n", ":2: 'tcp' in [transport] has to be a table, not a whole number"},
      {"[transport.tcp]\n\nrxmem = 1.5\n",
       ":3: 'rxmem' in [transport.tcp] has to be text, a whole number, true or false"},
      {"[limits]\nin_capsule = \"8q\"\n", ":2: 'in_capsule' in [limits]: 'q' in the size '8q' is no unit"},
      {"[limits]\nmax_transfer = \"2G\"\n", ":2: 'max_transfer' in [limits] is 2G, which is not between"},
      {"[limits]\n\nmax_transfers = 1\n",
       ":3: there is no key 'max_transfers' in [limits]; did you mean 'max_transfer'?"},
      {"[limits]\nlinger = \"long\"\n", ":2: 'linger' in [limits]: 'long' is not a duration"},
      {"[limits]\ndata_memory = \"1T\"\n", ":2: 'data_memory' in [limits] is 1T, which is not between"},
      {"[limits]\n\ndata_memory = \"1M\"\n", ":3: 'data_memory' in [limits] is 1048576 bytes, less than four"},
      {"[limits]\nmax_queue_entries = 4095\n", ":2: 'max_queue_entries' in [limits] is 4095, less than four"},
      {"[limits]\nmax_queue_size = 2\n", ":2: 'max_queue_size' in [limits] is 2, which is not between 32 and 65536"},
      {"[limits]\nmax_transfer = \"4097\"\n", ":2: 'max_transfer' in [limits] is 4097 bytes, which is not a power"},
      {"[limits]\nmax_transfer = \"1G\"\n", ":2: 'max_transfer' in [limits] is 1G, which is not between"},
      {"[limits]\nconnect_timeout = 0\n", ":2: 'connect_timeout' in [limits] is 0, which is not between 1 ms and 24 h"},
      {"[limits]\nconnect_timeout = \"1ns\"\n", ":2: 'connect_timeout' in [limits] is 1ns, which is not between"},
      {"[[subsystem]]\nnqn = \"n\"\nallow_hosts = []\n", ":3: 'allow_hosts' in [[subsystem]] names no host"},
      {"[[subsystem]]\nnqn = \"n\"\nallow_any_host = true\nallow_hosts = [\"a\"]\n",
       ":4: 'allow_hosts' in [[subsystem]] contradicts allow_any_host"},
      {"[[subsystem]]\nnqn = \"n\"\n[[subsystem.namespace]]\nbackend = \"x\"\nnsid = 65537\n",
       ":5: 'nsid' in [[subsystem.namespace]] is 65537, which is not between 1 and 65536"},
      {"[limits]\nlinger = []\n", ":2: 'linger' in [limits] has to be text, not an array"},
      {"[listener]\nurl = \"tcp://h\"\n", ":1: 'listener' in the file has to be written as [[listener]]"},
      {"listener = [1]\n", ":1: 'listener' in the file has to be written as [[listener]]"},
      {"\n[[listener]]\n", ":2: [[listener]] lacks 'url'"},
      {"[[listener]]\nurl = 4420\n", ":2: 'url' in [[listener]] has to be text, not a whole number"},
      {"[[listener]]\nurl = \"x\"\ndiscovery_only = 1\n",
       ":3: 'discovery_only' in [[listener]] has to be true or false"},
      {"[[subsystem]]\n", ":1: [[subsystem]] lacks 'nqn'"},
      {"[[subsystem]]\nnqn = \"n\"\nallow_hosts = \"all\"\n",
       ":3: 'allow_hosts' in [[subsystem]] has to be an array, not text"},
      {"[[subsystem]]\nnqn = \"n\"\nallow_hosts = [\"a\",\n 2]\n", ":4: 'allow_hosts' in [[subsystem]] has to be text"},
      {"[[subsystem]]\nnqn = \"n\"\n[[subsystem.namespace]]\nnsid = 1\n",
       ":3: [[subsystem.namespace]] lacks 'backend'"},
      {"[[subsystem]]\nnqn = \"n\"\n[[subsystem.namespace]]\nnsid = 0\n", ":4: 'nsid' in [[subsystem.namespace]] is 0"},
      {"[[subsystem]]\nnqn = \"n\"\n[[subsystem.namespace]]\nuuid = \"12\"\n",
       ":4: 'uuid' in [[subsystem.namespace]]: '12' is not a UUID"},
      {"[[subsystem]]\nnqn = \"n\"\n[[subsystem.namespace]]\nbackend = 2026-01-01\n",
       "has to be text, not a date or time"},
      {"[[subsystem]]\nnqn = \"n\"\nbackend = \"x\"\n", ":3: there is no key 'backend' in [[subsystem]]"},
  };
  for (const Wrong& wrong : table) EXPECT_THAT(refusal(wrong.text), HasSubstr(wrong.says)) << wrong.text;
}

}  // namespace
}  // namespace weft::tools
