// OpenSHMEM behind Node-API: one symmetric allocation, puts and gets by offset, progress. No schedule logic.
//
// All threads of a process share one library and one allocation. Every call into the library holds one lock; none of them
// waits for another rank but `init`, `allocate` and `finish`, which run on a thread of libuv's pool.

#include <napi.h>
#include <shmem.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

// OpenSHMEM has no call that only makes progress, and UCX over TCP makes none by itself: Open MPI's own.
extern "C" void opal_progress(void);

namespace {

std::mutex library;
unsigned char* base = nullptr;
std::size_t base_bytes = 0;

/// Each call into the library's progress engine moves a bounded amount.
constexpr int kProgressCalls = 2;

std::size_t Bytes(const Napi::Value& value) { return static_cast<std::size_t>(value.ToNumber().DoubleValue()); }

/// Whether `runs` runs of `bytes` each lie inside the allocation.
bool IsInside(std::size_t offset, std::size_t stride, std::size_t bytes, std::size_t runs) {
  if (runs == 0) return true;
  return offset <= base_bytes && bytes <= base_bytes && (runs - 1) * stride + bytes <= base_bytes - offset;
}

/// Runs blocking work on libuv's pool and resolves with what `result` makes of it; an empty message means success.
class Blocking : public Napi::AsyncWorker {
 public:
  Blocking(Napi::Env env, std::function<std::string()> work, std::function<Napi::Value(Napi::Env)> result)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)),
        result_(std::move(result)) {}
  Napi::Promise Start() {
    Queue();
    return deferred_.Promise();
  }
  void Execute() override {
    const std::string error = work_();
    if (!error.empty()) SetError(error);
  }
  void OnOK() override { deferred_.Resolve(result_(Env())); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<std::string()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
};

/// init(): Promise<{ rank, ranks }>. Returns once all ranks are there.
Napi::Value Init(const Napi::CallbackInfo& info) {
  auto work = []() -> std::string {
    int provided = SHMEM_THREAD_SINGLE;
    if (shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided) != 0) return "shmem_init_thread failed";
    if (provided < SHMEM_THREAD_SERIALIZED) return "the library does not let several threads call it";
    return "";
  };
  auto result = [](Napi::Env env) -> Napi::Value {
    Napi::Object ranks = Napi::Object::New(env);
    ranks.Set("rank", shmem_my_pe());
    ranks.Set("ranks", shmem_n_pes());
    return ranks;
  };
  return (new Blocking(info.Env(), work, result))->Start();
}

/// allocate(bytes): Promise<void>. Zeroed symmetric memory, once all ranks ask for it; takes the place of earlier memory.
Napi::Value Allocate(const Napi::CallbackInfo& info) {
  const std::size_t bytes = Bytes(info[0]);
  auto work = [bytes]() -> std::string {
    if (base != nullptr) shmem_free(base);
    base = static_cast<unsigned char*>(shmem_malloc(bytes));
    if (base == nullptr) return "no symmetric memory for " + std::to_string(bytes) + " bytes";
    base_bytes = bytes;
    std::memset(base, 0, bytes);
    shmem_barrier_all();
    return "";
  };
  return (new Blocking(info.Env(), work, [](Napi::Env env) { return env.Undefined(); }))->Start();
}

/// memory(): ArrayBuffer over the symmetric memory, without a copy; on any thread.
Napi::Value Memory(const Napi::CallbackInfo& info) {
  if (base == nullptr) throw Napi::Error::New(info.Env(), "no symmetric memory is allocated");
  return Napi::ArrayBuffer::New(info.Env(), base, base_bytes, [](Napi::Env, void*) {});
}

struct Runs {
  int peer;
  std::size_t from, from_stride, to, to_stride, bytes, runs;
};

/// (peer, from, fromStride, to, toStride, bytes, runs)
Runs ReadRuns(const Napi::CallbackInfo& info) {
  const Runs runs{info[0].ToNumber().Int32Value(), Bytes(info[1]), Bytes(info[2]), Bytes(info[3]),
                  Bytes(info[4]), Bytes(info[5]), Bytes(info[6])};
  if (runs.peer < 0 || runs.peer >= shmem_n_pes()) throw Napi::RangeError::New(info.Env(), "no such rank");
  if (!IsInside(runs.from, runs.from_stride, runs.bytes, runs.runs) ||
      !IsInside(runs.to, runs.to_stride, runs.bytes, runs.runs))
    throw Napi::RangeError::New(info.Env(), "a transfer leaves the symmetric memory");
  return runs;
}

/// put(...): from here to the peer. Returns at once; the source must stay until the put has been acknowledged.
void Put(const Napi::CallbackInfo& info) {
  const Runs runs = ReadRuns(info);
  const std::lock_guard<std::mutex> lock(library);
  for (std::size_t i = 0; i < runs.runs; i++)
    shmem_putmem_nbi(base + runs.to + i * runs.to_stride, base + runs.from + i * runs.from_stride, runs.bytes, runs.peer);
}

/// get(...): from the peer to here. Returns at once.
void Get(const Napi::CallbackInfo& info) {
  const Runs runs = ReadRuns(info);
  const std::lock_guard<std::mutex> lock(library);
  for (std::size_t i = 0; i < runs.runs; i++)
    shmem_getmem_nbi(base + runs.to + i * runs.to_stride, base + runs.from + i * runs.from_stride, runs.bytes, runs.peer);
}

/// signal(peer, from, to): the 64-bit word at `from` to the peer's word at `to`, after all puts to it so far.
void Signal(const Napi::CallbackInfo& info) {
  const int peer = info[0].ToNumber().Int32Value();
  const std::size_t from = Bytes(info[1]);
  const std::size_t to = Bytes(info[2]);
  if (peer < 0 || peer >= shmem_n_pes() || !IsInside(from, 0, 8, 1) || !IsInside(to, 0, 8, 1))
    throw Napi::RangeError::New(info.Env(), "a signal leaves the symmetric memory");
  const std::lock_guard<std::mutex> lock(library);
  shmem_fence();
#if SHMEM_MAJOR_VERSION > 1 || (SHMEM_MAJOR_VERSION == 1 && SHMEM_MINOR_VERSION >= 5)
  std::uint64_t value;
  std::memcpy(&value, base + from, sizeof value);
  shmem_putmem_signal_nbi(base + to, base + from, 0, reinterpret_cast<std::uint64_t*>(base + to), value,
                          SHMEM_SIGNAL_SET, peer);
#else
  // Open MPI 4.1 sets a word atomically by a swap that waits for the other rank's answer: 299 ms where it computes. The
  // word says itself whether it is whole (see words.ts), so that a put of 8 bytes will do.
  shmem_putmem_nbi(base + to, base + from, sizeof(std::uint64_t), peer);
#endif
}

/// fence(): puts and gets from now on come after those so far, rank by rank.
void Fence(const Napi::CallbackInfo&) {
  const std::lock_guard<std::mutex> lock(library);
  shmem_fence();
}

std::uint64_t SumOfWords(std::size_t bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < bytes; at += 8) {
    const auto* word = reinterpret_cast<const std::atomic<std::uint64_t>*>(base + at);
    sum = sum * 31 + word->load(std::memory_order_acquire);
  }
  return sum;
}

/// progress(doorbell: Int32Array, index, rung, wordBytes, maxMicroseconds): serves transfers until the doorbell is not
/// `rung` any more, a word among the first `wordBytes` of the memory changes, or the time is over. True if a word changed.
Napi::Value Progress(const Napi::CallbackInfo& info) {
  const auto doorbells = info[0].As<Napi::Int32Array>();
  const auto* doorbell = reinterpret_cast<const std::atomic<std::int32_t>*>(doorbells.Data()) + Bytes(info[1]);
  const std::int32_t rung = info[2].ToNumber().Int32Value();
  const std::size_t words = std::min(Bytes(info[3]), base_bytes) & ~std::size_t{7};
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(info[4].ToNumber().Int64Value());
  static thread_local std::uint64_t seen = 0;
  auto nap = std::chrono::microseconds(20);
  for (;;) {
    {
      const std::lock_guard<std::mutex> lock(library);
      for (int i = 0; i < kProgressCalls; i++) opal_progress();
    }
    const std::uint64_t sum = SumOfWords(words);
    const bool has_changed = sum != seen;
    seen = sum;
    if (has_changed || doorbell->load(std::memory_order_acquire) != rung || std::chrono::steady_clock::now() >= until)
      return Napi::Boolean::New(info.Env(), has_changed);
    std::this_thread::sleep_for(nap);
    nap = std::min(nap * 2, std::chrono::microseconds(200));
  }
}

/// finish(): ends the process with exit code 0 once all ranks do. `shmem_finalize` of Open MPI 4.1.4 crashes.
Napi::Value Finish(const Napi::CallbackInfo& info) {
  auto work = []() -> std::string {
    shmem_barrier_all();
    shmem_global_exit(0);
    return "";
  };
  return (new Blocking(info.Env(), work, [](Napi::Env env) { return env.Undefined(); }))->Start();
}

Napi::Object Load(Napi::Env env, Napi::Object exports) {
  exports.Set("version", std::to_string(SHMEM_MAJOR_VERSION) + "." + std::to_string(SHMEM_MINOR_VERSION));
  exports.Set("init", Napi::Function::New(env, Init));
  exports.Set("allocate", Napi::Function::New(env, Allocate));
  exports.Set("memory", Napi::Function::New(env, Memory));
  exports.Set("put", Napi::Function::New(env, Put));
  exports.Set("get", Napi::Function::New(env, Get));
  exports.Set("signal", Napi::Function::New(env, Signal));
  exports.Set("fence", Napi::Function::New(env, Fence));
  exports.Set("progress", Napi::Function::New(env, Progress));
  exports.Set("finish", Napi::Function::New(env, Finish));
  return exports;
}

}  // namespace

NODE_API_MODULE(openshmem, Load)
