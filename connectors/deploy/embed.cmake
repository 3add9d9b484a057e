# cmake -DIN=target.sh -DOUT=target_sh.c [-DCANARY=name] -P embed.cmake: the target program as a C array. Comment lines and
# indentation stay behind; with CANARY, so do the lines that end in "safety: CANARY".
file(READ ${IN} text)
string(REGEX REPLACE "(^|\n)([ \t]*#[^\n]*\n)+" "\\1" text "${text}")
if(CANARY)
    string(TOLOWER ${CANARY} canary)
    string(REGEX REPLACE "\n[^\n]*# safety: ${canary}\n" "\n" text "${text}")
    string(REGEX REPLACE "\n[^\n]*# safety: ${canary}\n" "\n" text "${text}")
endif()
string(HEX "${text}" hex)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include \"deploy/deploy_priv.h\"\n\nconst char rv_deploy_script[] = {\n${bytes}0x00};\nconst size_t rv_deploy_script_size = sizeof rv_deploy_script - 1;\n")
