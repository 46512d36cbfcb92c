/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl's errors mean to a user. Shows libcurl's types: for http.c only. */
#pragma once

#include "base/base.h"

#include <curl/curl.h>
#include <stdbool.h>

struct http_failure {
    CURLcode result;
    long os_errno;      /* CURLINFO_OS_ERRNO */
    const char *detail; /* CURLOPT_ERRORBUFFER */
    const char *url;
    bool tls_verify;
};

/* http_error(failure, err): Word ${failure}, naming the host; return the code that http_open()
 * documents. For a certificate that is not trusted the host is asked once more, without sending it
 * a request, who issued it. */
int http_error(const struct http_failure *failure, struct keg_err *err);

/* http_error_refused_tls(result): see http_refused_tls(). */
bool http_error_refused_tls(CURLcode result);
