# Loaded into the suite's own processes by tools/conformance, ahead of the first test.
#
# Reports what happens in a form that a program can read: one line an event in the file that
# FIRN_CONFORMANCE_REPORT names, each "status name text", the last two in hexadecimal. The suite's
# own output leaves out what is in a block that is skipped as a whole.

proc conformance_hex text {
    binary encode hex [encoding convertto utf-8 $text]
}

proc conformance_report {status name text} {
    set file [open $::env(FIRN_CONFORMANCE_REPORT) a]
    puts $file "$status [conformance_hex $name] [conformance_hex $text]"
    close $file
}

# The names of the tests in a block that does not run, as they stand in its text.
proc conformance_names code {
    set names {}
    foreach {all name} [regexp -all -inline -line {^\s*test\s+(\{[^\}]*\}|"[^"]*")} $code] {
        lappend names [string range $name 1 end-1]
    }
    if {![llength $names]} {lappend names "(a block without names)"}
    return $names
}

rename send_data_packet conformance_send

proc send_data_packet {fd status data {elapsed 0}} {
    switch $status {
        testing - ok {
            conformance_report $status $data $elapsed
        }
        skip {
            conformance_report skip $data "skipped by name"
        }
        err {
            set name "(outside of tests)"
            if {$::cur_test ne ""} {
                regsub { in \S+$} $::cur_test "" name
            }
            conformance_report err $name $data
        }
        ignore {
            set caller [info level -1]
            if {[lindex $caller 0] in {start_server tags}} {
                foreach name [conformance_names [lindex $caller 2]] {
                    conformance_report ignore $name $data
                }
            } else {
                set name [lindex $caller 1]
                conformance_report ignore $name [string range $data [string length "$name: "] end]
            }
        }
        exception - done {
            conformance_report $status "(unit)" $data
        }
    }
    conformance_send $fd $status $data $elapsed
}

# Before each block the suite flushes functions, which says nothing about the block's tests.
rename r conformance_r

proc r args {
    if {$args eq "function flush"} {
        catch {conformance_r function flush}
        return OK
    }
    uplevel 1 [list conformance_r {*}$args]
}
