print("firn-dump")
