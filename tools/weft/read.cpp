// weft read URL: blocks of a namespace into a file.
#include "connection.hpp"
#include "copy.hpp"
#include "copy_report.hpp"
#include "data_file.hpp"
#include "options.hpp"

namespace weft::tools {
namespace {

struct Arguments {
  AddressArguments address;
  std::uint32_t nsid = 1;
  std::uint64_t lba = 0;
  std::uint64_t blocks = 0;  // 0: not given
  std::string bytes;
  std::string output;
};

// How many bytes of the namespace to take: to its end unless told.
Outcome<std::uint64_t> wanted_bytes(const Arguments& arguments, const Namespace& from) {
  if (arguments.lba >= from.blocks) {
    return usage(fmt::format("--lba {} lies beyond namespace {}, which has {}", arguments.lba, from.nsid,
                             counted(from.blocks, "block")));
  }
  const std::uint64_t left = from.blocks - arguments.lba;
  std::uint64_t bytes = left * from.block_size;
  if (arguments.blocks > left) {
    return usage(fmt::format("--blocks {} from --lba {} runs over the end of namespace {}, which has {}",
                             arguments.blocks, arguments.lba, from.nsid, counted(from.blocks, "block")));
  }
  if (arguments.blocks > 0) bytes = arguments.blocks * from.block_size;
  if (arguments.bytes.empty()) return bytes;
  const Result<std::uint64_t> given = parse_size(arguments.bytes);
  if (!given) return usage(given.error(), "--bytes");
  if (*given > bytes) {
    return usage(fmt::format("--bytes {} from --lba {} runs over the end of namespace {}, which has {}",
                             arguments.bytes, arguments.lba, from.nsid, counted(from.bytes(), "byte")));
  }
  return *given;
}

Outcome<void> read(Program& program, const Arguments& arguments) {
  const Outcome<Remote> remote = read_address(program, arguments.address, Need::kIo);
  if (!remote) return std::unexpected(remote.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  Loss loss(**host);
  const Outcome<Namespace> from = find_namespace(**host, arguments.nsid, remote->address);
  if (!from) return std::unexpected(from.error());
  const Outcome<std::uint64_t> total = wanted_bytes(arguments, *from);
  if (!total) return std::unexpected(total.error());
  const Result<std::unique_ptr<DataFile>> output = DataFile::open_output(arguments.output);
  if (!output) return failed(output.error());

  CopyReport report(remote->address, *from, arguments.lba, *total);
  if (Outcome<void> copied = copy_out(program, **host, *from, arguments.lba, *total, **output); !copied)
    return loss.explain(copied.error());
  if (Status closed = (*output)->close(); !closed) return failed(closed.error());
  report.print(program, "read", (*output)->path(), arguments.output == "-");
  return {};
}

}  // namespace

void add_read(CLI::App& app, Program& program) {
  CLI::App* const command =
      add_command(app, program, "read", "Read blocks of a namespace into a file",
                  "  weft read tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --nsid 1 --lba 0 --blocks 2048 "
                  "--output blocks.bin\n"
                  "  weft read tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --bytes 1M --output - | sha256sum");
  auto arguments = std::make_shared<Arguments>();
  arguments->address.declare(*command);
  add_nsid(*command, arguments->nsid);
  add_number(*command, "--lba", arguments->lba, 0, kAnyNumber, "First block (0)")->type_name("LBA");
  CLI::Option* const blocks =
      add_number(*command, "--blocks", arguments->blocks, 1, kAnyNumber, "Number of blocks (to the namespace's end)");
  command->add_option("--bytes", arguments->bytes, "Number of bytes instead, which need not end with a block")
      ->type_name("SIZE")
      ->excludes(blocks);
  command
      ->add_option("--output", arguments->output,
                   "File to create, or - for standard output (results go to standard error then)")
      ->required()
      ->type_name("FILE");
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return read(program, *arguments); }; });
}

}  // namespace weft::tools
