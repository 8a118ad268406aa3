// weft write URL: a file into the blocks of a namespace.
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
  std::string input;
};

// What is known to be wrong before the first block is written.
Outcome<void> check_room(const Arguments& arguments, const Namespace& to, const DataFile& input) {
  if (to.read_only) return failed(Error(EROFS, fmt::format("namespace {} can only be read", to.nsid)));
  if (arguments.lba >= to.blocks) {
    return usage(fmt::format("--lba {} lies beyond namespace {}, which has {}", arguments.lba, to.nsid,
                             counted(to.blocks, "block")));
  }
  const std::uint64_t room = (to.blocks - arguments.lba) * to.block_size;
  if (const auto size = input.size(); size && *size > room) {
    return failed(Error(ENOSPC, fmt::format("{} has {}, but from LBA {} namespace {} has room for {}", input.path(),
                                            counted(*size, "byte"), arguments.lba, to.nsid, room)));
  }
  return {};
}

Outcome<void> write(Program& program, const Arguments& arguments) {
  const Outcome<Remote> remote = read_address(program, arguments.address, Need::kIo);
  if (!remote) return std::unexpected(remote.error());
  const Result<std::unique_ptr<DataFile>> input = DataFile::open_input(arguments.input);
  if (!input) return failed(input.error());
  const Outcome<std::unique_ptr<BlockingHost>> host = connect(program, *remote);
  if (!host) return std::unexpected(host.error());
  Loss loss(**host);
  const Outcome<Namespace> to = find_namespace(**host, arguments.nsid, remote->address);
  if (!to) return std::unexpected(to.error());
  if (Outcome<void> good = check_room(arguments, *to, **input); !good) return good;

  CopyReport report(remote->address, *to, arguments.lba, 0);
  const Outcome<std::uint64_t> copied = copy_in(program, **host, *to, arguments.lba, **input);
  if (!copied) return loss.explain(copied.error());
  if (Status flushed = (*host)->flush(*to); !flushed)
    return loss.explain(failed(flushed.error(), "flushing what was written").error());
  report.set_bytes(*copied);
  report.print(program, "wrote", (*input)->path(), false);
  return {};
}

}  // namespace

void add_write(CLI::App& app, Program& program) {
  CLI::App* const command = add_command(
      app, program, "write", "Write a file into the blocks of a namespace; the rest of the last block becomes zeroes",
      "  weft write tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --nsid 1 --lba 0 --input disk.img\n"
      "  tar c docs | weft write tcp://127.0.0.1:4420/nqn.2026-01.org.example:demo --input -");
  auto arguments = std::make_shared<Arguments>();
  arguments->address.declare(*command);
  add_nsid(*command, arguments->nsid);
  add_number(*command, "--lba", arguments->lba, 0, kAnyNumber, "First block (0)")->type_name("LBA");
  command->add_option("--input", arguments->input, "File to read, or - for standard input")
      ->required()
      ->type_name("FILE");
  command->callback(
      [&program, arguments] { program.run = [&program, arguments] { return write(program, *arguments); }; });
}

}  // namespace weft::tools
