#pragma once

// libcurl's setopt and getinfo are variadic, and Swift can't call variadic C: one typed function for each type of
// argument. The type checks that curl.h hangs on the variadic names are for literal call sites only.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
// The engine waits with these; the Glibc module lacks them.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <malloc.h>
#include <string.h>

// libcurl's memory holds header lines with tokens and the bodies of Secrets. Memory that it frees is zeroed first. The
// usable size is what malloc gave, which is at least what libcurl asked for.
static void squadron_wiping_free(void *_Nullable memory) {
    if (!memory) return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *_Nullable squadron_wiping_realloc(void *_Nullable memory, size_t size) {
    if (!memory) return malloc(size);
    size_t before = malloc_usable_size(memory);
    // realloc would leave the old bytes behind when it moves a block.
    if (size <= before && size > before / 2) return memory;
    void *larger = malloc(size);
    if (!larger) return 0;
    memcpy(larger, memory, size < before ? size : before);
    squadron_wiping_free(memory);
    return larger;
}

static inline CURLcode squadron_global_init(void) {
    return curl_global_init_mem(
        CURL_GLOBAL_DEFAULT, malloc, squadron_wiping_free, squadron_wiping_realloc, strdup, calloc);
}

static inline CURLcode squadron_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode squadron_easy_set_size(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/// libcurl copies the text (but that of CURLOPT_POSTFIELDS).
static inline CURLcode squadron_easy_set_text(CURL *easy, CURLoption option, const char *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode squadron_easy_set_pointer(CURL *easy, CURLoption option, const void *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}

/// The list must outlive the transfer: libcurl keeps the pointer.
static inline CURLcode squadron_easy_set_list(CURL *easy, CURLoption option, struct curl_slist *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}

/// The bytes must outlive the handle: libcurl keeps the pointer.
static inline CURLcode squadron_easy_set_blob(CURL *easy, CURLoption option, void *bytes, size_t count) {
    struct curl_blob blob = {bytes, count, CURL_BLOB_NOCOPY};
    return curl_easy_setopt(easy, option, &blob);
}

typedef size_t (*squadron_data_callback)(char *bytes, size_t size, size_t count, void *context);
typedef int (*squadron_prerequest_callback)(void *context, char *peer, char *local, int peer_port, int local_port);
typedef int (*squadron_socket_option_callback)(void *context, curl_socket_t socket, curlsocktype purpose);
typedef int (*squadron_resolver_start_callback)(void *resolver, void *reserved, void *context);

/// CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode squadron_easy_set_data_callback(CURL *easy, CURLoption option, squadron_data_callback callback) {
    return curl_easy_setopt(easy, option, callback);
}

static inline CURLcode squadron_easy_set_prerequest(CURL *easy, squadron_prerequest_callback callback) {
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
}

static inline CURLcode squadron_easy_set_socket_option(CURL *easy, squadron_socket_option_callback callback) {
    return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, callback);
}

static inline CURLcode squadron_easy_set_resolver_start(CURL *easy, squadron_resolver_start_callback callback) {
    return curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, callback);
}

static inline long squadron_easy_info_long(CURL *easy, CURLINFO info) {
    long value = 0;
    curl_easy_getinfo(easy, info, &value);
    return value;
}

/// CURLINFO_PRIVATE.
static inline void *_Nullable squadron_easy_private(CURL *easy) {
    char *value = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value);
    return value;
}

static inline CURLMcode squadron_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode squadron_multi_set_callbacks(
    CURLM *multi, curl_socket_callback on_socket, curl_multi_timer_callback on_timer, void *context) {
    CURLMcode result = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    if (!result) result = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    if (!result) result = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    if (!result) result = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
    return result;
}

/// For the calling thread; variadic like the rest.
static inline void squadron_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}
