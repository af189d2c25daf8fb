// Runs every file of the corpus folders given through the fuzz target, in builds without libFuzzer. Prints its counts
// the way a doctest program does: a file is a case.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        std::fprintf(stderr, "no corpus file found: a replay of nothing proves nothing\n");
        return 1;
    }
    for (const auto& file : files) {
        // Said before the run: a crash then names its file.
        std::printf("%s\n", file.filename().c_str());
        std::fflush(stdout);
        std::ifstream in(file, std::ios::binary);
        // A vector of the exact size, so that a sanitizer sees a read past its end.
        const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    std::printf("[doctest] test cases: %zu | %zu passed | 0 failed | 0 skipped\n", files.size(),
                files.size());
    return 0;
}
