/* SPDX-License-Identifier: Apache-2.0 */
/* Names for containers whose user chose none. */
#include "cmd/common/name.h"

#include "base/base.h"

#include <sys/random.h>

static const char *const adjectives[] = {
    "able",     "airy",    "amber",  "ample",  "apt",     "autumn",  "bold",   "brave",  "breezy",
    "bright",   "brisk",   "calm",   "candid", "careful", "cheery",  "clear",  "clever", "cosmic",
    "crisp",    "curious", "daring", "deft",   "dewy",    "eager",   "early",  "fair",   "fancy",
    "fearless", "fine",    "fleet",  "fond",   "frank",   "free",    "fresh",  "gentle", "glad",
    "golden",   "grand",   "great",  "green",  "handy",   "hardy",   "honest", "humble", "keen",
    "kind",     "lively",  "lucid",  "lucky",  "lunar",   "mellow",  "merry",  "mighty", "mild",
    "modest",   "neat",    "nimble", "noble",  "novel",   "patient", "plucky", "polite", "prime",
    "proud",    "quick",   "quiet",  "rapid",  "ready",   "robust",  "rosy",   "rugged", "sage",
    "serene",   "sharp",   "silent", "silver", "smart",   "snug",    "solar",  "solid",  "sound",
    "spry",     "stable",  "steady", "still",  "stout",   "sunny",   "swift",  "tidy",   "tranquil",
    "true",     "trusty",  "upbeat", "vivid",  "warm",    "wise",    "witty",  "worthy", "young",
    "zesty",
};

/* Of people who found something out. */
static const char *const surnames[] = {
    "abel",         "ampere",   "arrhenius", "avogadro",   "babbage",     "banach",  "banneker",
    "bernoulli",    "bessel",   "bohr",      "bolyai",     "boole",       "born",    "bose",
    "brahe",        "brown",    "cantor",    "carnot",     "carson",      "cauchy",  "cavendish",
    "cerf",         "chandra",  "church",    "copernicus", "coulomb",     "curie",   "dalton",
    "darwin",       "davy",     "descartes", "dijkstra",   "dirac",       "easley",  "einstein",
    "erdos",        "euclid",   "euler",     "faraday",    "fermat",      "fermi",   "feynman",
    "fibonacci",    "fourier",  "franklin",  "galilei",    "galois",      "gauss",   "germain",
    "godel",        "goodall",  "hamilton",  "hamming",    "hertz",       "hilbert", "hopper",
    "huygens",      "hypatia",  "johnson",   "joule",      "kelvin",      "kepler",  "knuth",
    "kovalevskaya", "lagrange", "lamarr",    "laplace",    "leavitt",     "leibniz", "linnaeus",
    "lovelace",     "maxwell",  "mayer",     "mccarthy",   "meitner",     "mendel",  "mirzakhani",
    "mitchell",     "morse",    "napier",    "newton",     "nightingale", "noether", "ohm",
    "pascal",       "pasteur",  "pauli",     "planck",     "poincare",    "ptolemy", "raman",
    "ramanujan",    "riemann",  "ritchie",   "rubin",      "shannon",     "snell",   "tesla",
    "thompson",     "torvalds", "turing",    "volta",      "wilkes",      "wu",
};

int cmd_random_name(unsigned attempt, char text[static 64])
{
    uint32_t random[2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -errno;
    const char *adjective = adjectives[random[0] % KEG_ARRAY_SIZE(adjectives)];
    const char *surname = surnames[random[1] % KEG_ARRAY_SIZE(surnames)];
    if (attempt == 0)
        snprintf(text, 64, "%s_%s", adjective, surname);
    else
        snprintf(text, 64, "%s_%s%u", adjective, surname, attempt);
    return 0;
}
