print("firn-server")
