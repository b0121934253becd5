/**
 * What the files of tau-bench at commit 59a200c say, by {@link contentHash}: computed from a copy of that commit's data whose
 * recorded runs this implementation reproduces. The retail test tasks were not at hand; their hash is recorded on first fetch.
 */
export const TAU_BENCH_PINS: { readonly commit: string; readonly files: ReadonlyMap<string, string> } = {
  commit: '59a200c6d575d595120f1cb70fea53cef0632f6b',
  files: new Map([
    ['airline/wiki.md', '6d6f5c666ab0f58f979c867154139212848a5bbf66c47f23053e917152379483'],
    ['airline/rules.json', '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945'],
    ['airline/tools.json', 'aa4c00d2b0ae4dcb6d38642e82062aa377f827dd887a44f57ffed6e20dec1904'],
    ['airline/flights.json', '444d7565c68434a3e3fb72efd717f9f9cd5c56dce227f6f56e078f1cb0ed233a'],
    ['airline/reservations.json', '1cf0bbc58ad984be9de7c24dba6dd27393f94cdbd482d8524f6a54db1f561a8c'],
    ['airline/users.json', 'bd264e2a31e0fa35cdfef8987e70a0dd3776828b582fe90e7a44823a12eb4cea'],
    ['airline/tasks_test.json', '0cebb17e55148faca532b6a1f8da00e28549ea4f7cbdd2e9ca0c5062c177e924'],
    ['retail/wiki.md', '2a064144f4a76e7b2aa205216724361729185b39ab04acea15e7ecb0737cc2bb'],
    ['retail/rules.json', 'bb4c3fd8cfc55a2859180f8e745d832f02e22073548b2ac7457c8a8db2380aab'],
    ['retail/tools.json', '670eba513010bd281a5e5acc872ca203703b1aa26e992d8f276bcf3ffe0bc603'],
    ['retail/orders.json', '2598a12586d28f2d6bd16bc86f4c800029b6af18e0abb5c475ef5c869c11ced1'],
    ['retail/products.json', 'a9eabcc1a9742c5f5288c2779acce52b9308423383ed24706bbaf0889f762a0f'],
    ['retail/users.json', '6f4fd104cc5e80b92166c4035315c31532c6cea52a90dcdf18425ee7f87c2b82'],
    ['retail/tasks_train.json', '1ee421725392432ebb653d001dcadb68b3e0f4694f5a8b6bfb25f3f3bb134641'],
    ['retail/tasks_dev.json', '94009a2866dded0dc7a850ca0918a30bff83e06f5d22478f696f4c9e030b788a'],
  ]),
};
